/** Groups that have commands of their own below them. */
export const groups: Readonly<Record<string, string>> = {
  container: 'Manage containers',
  image: 'Manage images',
  network: 'Look at networks',
  volume: 'Manage volumes',
  system: 'Look at and clean up the daemon',
};
