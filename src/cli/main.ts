import { enableCompileCache } from 'node:module';

// Compiled code is kept between starts; where the directory cannot be written, Node goes on without.
enableCompileCache();
// Imported only now, so that the cache holds it.
import('./run-command-line.ts').then(
  async ({ main }) => process.exit(await main(process.argv.slice(2))),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
