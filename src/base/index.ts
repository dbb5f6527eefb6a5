export { Database } from './database.ts';
export {
  CortenError,
  conflict,
  dataLoss,
  describeError,
  type ErrorKind,
  type ErrorOptions,
  errorKinds,
  forbidden,
  internal,
  invalidArgument,
  notFound,
  notImplemented,
  notModified,
  resourceExhausted,
  unavailable,
} from './errors.ts';
export { type Service, startAll } from './lifecycle.ts';
export { type Log, silentLog } from './log.ts';
export {
  now,
  nowNanoseconds,
  parseTimestamp,
  type Timestamp,
  timestampFromNanoseconds,
  zeroTimestamp,
} from './time.ts';
export { detach, KeyedMutex } from './promises.ts';
export { ProducedReadable } from './streams.ts';
