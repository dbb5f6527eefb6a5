import type { ImageSummary } from '../api/model.ts';
import type { Listing } from '../format/listing.ts';
import { ago, goTime, humanSize, shortId } from '../format/units.ts';
import { splitReference } from './reference.ts';

/** One line of `images`: an image under one of its names. */
export interface ImageRow {
  readonly image: ImageSummary;
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
}

const none = '<none>';

/** An image has a line for each tag; digests fill the third column or make lines of their own. */
export function imageRows(image: ImageSummary, digests: boolean): ImageRow[] {
  const tags = (image.RepoTags ?? []).filter((tag) => tag !== '<none>:<none>');
  const byRepository = new Map<string, string>();
  for (const digest of image.RepoDigests ?? []) {
    const { repository, tag } = splitReference(digest);
    if (repository !== none && tag !== undefined) byRepository.set(repository, tag);
  }
  const rows = tags.map((reference): ImageRow => {
    const { repository, tag } = splitReference(reference);
    return { image, repository, tag: tag ?? none, digest: byRepository.get(repository) ?? none };
  });
  const named = new Set(rows.map((row) => row.repository));
  for (const [repository, digest] of byRepository) {
    if (!named.has(repository)) rows.push({ image, repository, tag: none, digest: digests ? digest : none });
  }
  return rows.length > 0 ? rows : [{ image, repository: none, tag: none, digest: none }];
}

export function imageListing(whole: boolean): Listing<ImageRow> {
  const count = (value: number): string => (value === -1 || value === undefined ? 'N/A' : String(value));
  return {
    quiet: 'ID',
    shown: ['Repository', 'Tag', 'ID', 'CreatedSince', 'Size'],
    columns: [
      { name: 'Containers', heading: 'CONTAINERS', value: ({ image }) => count(image.Containers) },
      { name: 'CreatedAt', heading: 'CREATED AT', value: ({ image }) => goTime(image.Created * 1000) },
      {
        name: 'CreatedSince',
        heading: 'CREATED',
        value: ({ image }) => (image.Created <= 0 ? 'N/A' : ago(image.Created * 1000)),
      },
      { name: 'Digest', heading: 'DIGEST', value: (row) => row.digest },
      { name: 'ID', heading: 'IMAGE ID', value: ({ image }) => (whole ? image.Id : shortId(image.Id)) },
      { name: 'Repository', heading: 'REPOSITORY', value: (row) => row.repository },
      {
        name: 'SharedSize',
        heading: 'SHARED SIZE',
        value: ({ image }) => (image.SharedSize === -1 ? 'N/A' : humanSize(image.SharedSize, 3)),
      },
      { name: 'Size', heading: 'SIZE', value: ({ image }) => humanSize(image.Size, 3) },
      { name: 'Tag', heading: 'TAG', value: (row) => row.tag },
      {
        name: 'UniqueSize',
        heading: 'UNIQUE SIZE',
        value: ({ image }) => (image.SharedSize === -1 ? 'N/A' : humanSize(image.Size - image.SharedSize, 3)),
      },
      { name: 'VirtualSize', heading: 'SIZE', value: ({ image }) => humanSize(image.Size) },
    ],
  };
}
