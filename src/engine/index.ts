export type {
  AttachmentPair,
  EngineClock,
  EngineDependencies,
  EngineSettings,
  EngineVolumes,
  Failpoint,
} from './context.ts';
export { createEngine, type EngineService, systemClock } from './engine.ts';
export { defaultMaskedPaths, defaultReadOnlyPaths } from './sandbox-defaults/index.ts';
export { createEventLog, type EventLogWithListeners } from './events.ts';
export type * from './types.ts';
