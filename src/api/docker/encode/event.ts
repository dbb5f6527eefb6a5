import type { EngineEvent } from '../../../engine/types.ts';

/** The fields of the API before 1.22, which clients still read. */
function legacyFields({ type, action, actor }: EngineEvent): object {
  if (type !== 'container' && type !== 'image') return {};
  const from = type === 'container' ? actor.attributes['image'] : undefined;
  return { status: action, id: actor.id, ...(from === undefined ? {} : { from }) };
}

/** One line of GET /events. Nanoseconds do not fit a double: they are written digit by digit. */
export function eventLine(event: EngineEvent): string {
  const message = JSON.stringify({
    ...legacyFields(event),
    Type: event.type,
    Action: event.action,
    Actor: { ID: event.actor.id, Attributes: event.actor.attributes },
    scope: 'local',
    time: Number(event.timeNanoseconds / 1_000_000_000n),
  });
  return `${message.slice(0, -1)},"timeNano":${event.timeNanoseconds}}\n`;
}
