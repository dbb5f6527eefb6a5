/**
 * A program for one end of a connection, run in a network namespace:
 * `tcp-server ADDRESS PORT` and `udp-server ADDRESS PORT` answer each client with the address they see it at;
 * `tcp-client` and `udp-client` print the answer, or "failed CODE".
 */
import { createSocket } from 'node:dgram';
import { type AddressInfo, connect, createServer } from 'node:net';

const [role = '', address = '', portText = ''] = process.argv.slice(2);
const port = Number(portText);
const clientDeadlineMilliseconds = Number(process.argv[5] ?? 10_000);

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

function boundPort(bound: AddressInfo | string | null): number {
  if (typeof bound !== 'object' || bound === null) throw new Error('not bound');
  return bound.port;
}

function finish(line: string): void {
  print(line);
  process.exit(0);
}

if (role === 'tcp-server') {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.end(socket.remoteAddress ?? '');
  });
  server.listen(port, address, () => print(`ready ${boundPort(server.address())}`));
} else if (role === 'udp-server') {
  const socket = createSocket('udp4');
  socket.on('message', (_message, client) => socket.send(client.address, client.port, client.address));
  socket.bind(port, address, () => print(`ready ${socket.address().port}`));
} else if (role === 'tcp-client') {
  setTimeout(() => finish('failed ETIMEDOUT'), clientDeadlineMilliseconds);
  let answer = '';
  connect(port, address)
    .on('data', (data) => (answer += data.toString()))
    .on('error', (error: NodeJS.ErrnoException) => finish(`failed ${error.code ?? error.message}`))
    .on('end', () => finish(answer));
} else if (role === 'udp-client') {
  setTimeout(() => finish('failed ETIMEDOUT'), clientDeadlineMilliseconds);
  const socket = createSocket('udp4');
  socket.on('message', (message) => finish(message.toString()));
  // Once more now and then: a datagram may be lost while ARP resolves.
  const ask = (): void => socket.send('?', port, address, () => undefined);
  socket.on('error', (error: NodeJS.ErrnoException) => finish(`failed ${error.code ?? error.message}`));
  setInterval(ask, 200);
  ask();
}
