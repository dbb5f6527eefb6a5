import type { ContainerInspect } from '../api/model.ts';
import type { Command } from '../command.ts';
import { CommandFailure, usageFailure } from '../failure.ts';
import { print } from '../format/output.ts';

const joined = (host: string, port: string): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);

export const command: Command = {
  usage: 'CONTAINER [PORT[/PROTOCOL]]',
  minimum: 1,
  maximum: 2,
  operand: 'container',
  flags: [],
  async run({ client, operands }) {
    const [name = '', wanted] = operands;
    const container = (await client.json('GET', `/containers/${encodeURIComponent(name)}/json`)) as ContainerInspect;
    const ports = Object.entries(container.NetworkSettings?.Ports ?? {});
    if (wanted !== undefined) {
      if (!/^\d+(\/(tcp|udp|sctp))?$/.test(wanted)) throw usageFailure(`invalid port: ${wanted}`);
      const key = wanted.includes('/') ? wanted : `${wanted}/tcp`;
      const bindings = ports.find(([port]) => port === key)?.[1] ?? [];
      if (bindings.length === 0) throw new CommandFailure(`no public port '${wanted}' published for ${name}`);
      print(bindings.map(({ HostIp, HostPort }) => `${joined(HostIp, HostPort)}\n`).join(''));
      return 0;
    }
    const lines = ports.flatMap(([port, bindings]) =>
      (bindings ?? []).map(({ HostIp, HostPort }) => `${port} -> ${joined(HostIp, HostPort)}`),
    );
    print(
      lines
        .toSorted((left, right) => Number.parseInt(left, 10) - Number.parseInt(right, 10))
        .map((line) => `${line}\n`)
        .join(''),
    );
    return 0;
  },
};
