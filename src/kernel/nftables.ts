import koffi from 'koffi';

const library = koffi.load('libnftables.so.1');
const contextNew = library.func('void *nft_ctx_new(uint32_t flags)');
const contextFree = library.func('void nft_ctx_free(void *context)');
const setOutputFlags = library.func('void nft_ctx_output_set_flags(void *context, uint32_t flags)');
const bufferOutput = library.func('int nft_ctx_buffer_output(void *context)');
const bufferError = library.func('int nft_ctx_buffer_error(void *context)');
const outputBuffer = library.func('const char *nft_ctx_get_output_buffer(void *context)');
const errorBuffer = library.func('const char *nft_ctx_get_error_buffer(void *context)');
const runCommand = library.func('int nft_run_cmd_from_buffer(void *context, const char *command)');

const NFT_CTX_DEFAULT = 0;
const OUTPUT_JSON = 1 << 4;
const OUTPUT_HANDLE = 1 << 3;
const OUTPUT_TERSE = 1 << 11;

/** An object of libnftables-json(5), e.g. { chain: { … } }. */
export type NftablesObject = Readonly<Record<string, unknown>>;

export class NftablesError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'NftablesError';
  }
}

/**
 * nftables by the project's own library, in process (an `nft` command takes 4-5 ms, an element here 0.2 ms).
 * The context belongs to the network namespace in which it was made and keeps the library's cache between calls.
 */
export class Nftables {
  readonly #context: unknown;

  constructor() {
    const context: unknown = contextNew(NFT_CTX_DEFAULT);
    if (context === null) throw new NftablesError('libnftables gave no context');
    bufferOutput(context);
    bufferError(context);
    this.#context = context;
  }

  /**
   * Carries out a script in the nft language in one transaction: all of it, or nothing and an NftablesError with the
   * library's words. (Its JSON form takes just as long.)
   */
  apply(script: string): void {
    this.#run(script, 0);
  }

  /** Answer of a listing command as objects. */
  query(command: string): readonly NftablesObject[] {
    const answer: unknown = JSON.parse(this.#run(command, OUTPUT_JSON | OUTPUT_HANDLE));
    if (typeof answer !== 'object' || answer === null || !('nftables' in answer) || !Array.isArray(answer.nftables)) {
      throw new NftablesError(`unexpected answer to "${command}"`);
    }
    return answer.nftables.filter(isObject);
  }

  /** Answer of a listing command as text for people; elements of sets are left out. */
  text(command: string): string {
    return this.#run(command, OUTPUT_TERSE);
  }

  close(): void {
    contextFree(this.#context);
  }

  #run(command: string, flags: number): string {
    setOutputFlags(this.#context, flags);
    const result: number = runCommand(this.#context, command);
    const output = bufferText(outputBuffer(this.#context));
    const failure = bufferText(errorBuffer(this.#context)).trim();
    if (result !== 0) throw new NftablesError(failure === '' ? `nftables refused ${command}` : failure);
    return output;
  }
}

const isObject = (value: unknown): value is NftablesObject => typeof value === 'object' && value !== null;

const bufferText = (text: unknown): string => (typeof text === 'string' ? text : '');
