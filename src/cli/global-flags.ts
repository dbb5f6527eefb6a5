import { boolean, type Flag, text } from './command.ts';

/** Flags that come before the command. */
export const globalFlags: readonly Flag[] = [
  text('host', 'address', 'Daemon to talk to (default: CORTEN_HOST, DOCKER_HOST, unix:///run/corten/corten.sock)', {
    short: 'H',
  }),
  boolean('tls', 'Use TLS without checking the daemon'),
  boolean('tlsverify', 'Use TLS and check the daemon'),
  text('tlscacert', 'file', 'Certificate authority to trust'),
  text('tlscert', 'file', 'Certificate of this client'),
  text('tlskey', 'file', 'Its key'),
  boolean('version', 'Print the version', { short: 'v' }),
  boolean('debug', 'Show where an error came from', { short: 'D' }),
];
