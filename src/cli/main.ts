import { enableCompileCache } from 'node:module';

// Compiled code is kept between starts; where the directory cannot be written, Node goes on without.
enableCompileCache();
const { main } = await import('./run-command-line.ts');
process.exit(await main(process.argv.slice(2)));
