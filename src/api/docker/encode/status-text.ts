import type { ContainerState } from '../../../engine/types.ts';
import { durationText } from './duration-text.ts';

function ago(timestamp: string): string {
  return durationText(Math.max(0, Date.now() - Date.parse(timestamp)));
}

function healthText(state: ContainerState): string {
  switch (state.health?.status) {
    case 'starting':
      return ' (health: starting)';
    case 'healthy':
    case 'unhealthy':
      return ` (${state.health.status})`;
    default:
      return '';
  }
}

/** The STATUS column of `docker ps`. */
export function statusText(state: ContainerState): string {
  switch (state.status) {
    case 'running':
      return `Up ${ago(state.startedAt)}${healthText(state)}`;
    case 'paused':
      return `Up ${ago(state.startedAt)} (Paused)`;
    case 'restarting':
      return `Restarting (${state.exitCode}) ${ago(state.finishedAt)} ago`;
    case 'removing':
      return 'Removal In Progress';
    case 'dead':
      return 'Dead';
    case 'created':
      return 'Created';
    case 'exited':
      return `Exited (${state.exitCode}) ${ago(state.finishedAt)} ago`;
    default:
      return state.status satisfies never;
  }
}
