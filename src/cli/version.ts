/** Of the command line; the daemon has its own, which `corten version` shows next to it. */
export const version = '0.1.0';
