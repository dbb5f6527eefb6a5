import { open } from 'node:fs/promises';
import { type Compression, detectCompression } from './compression.ts';

/** OCI layer media types by compression. */
export const mediaTypes: Readonly<Record<Compression, string>> = {
  none: 'application/vnd.oci.image.layer.v1.tar',
  gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
};

export const configurationType = 'application/vnd.oci.image.config.v1+json';
export const manifestType = 'application/vnd.oci.image.manifest.v1+json';
export const indexType = 'application/vnd.oci.image.index.v1+json';

/** The layer media type of a file, by its first bytes. */
export async function mediaTypeOf(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(16), 0, 16, 0);
    return mediaTypes[detectCompression(buffer.subarray(0, bytesRead))];
  } finally {
    await file.close();
  }
}
