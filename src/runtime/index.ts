export { pairAttachment } from './pair-attachment.ts';
export { createRuntime, type RuntimeOptions } from './runtime.ts';
export { toOciResources } from './resources.ts';
export { type ResolvedUser, resolveUser, type RootFileReader } from './user.ts';
