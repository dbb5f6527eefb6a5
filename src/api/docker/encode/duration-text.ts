const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

/** How long ago, in the words of `docker ps`; milliseconds. */
export function durationText(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / second);
  const minutes = Math.floor(milliseconds / minute);
  const hours = Math.floor(milliseconds / hour + 0.5);
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < 60) return `${seconds} seconds`;
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(milliseconds / hour / 24 / 365)} years`;
}
