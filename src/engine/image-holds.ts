/** Images that containers are just being made from: in use, although no row says so yet. */
export class ImageHolds {
  readonly #counts = new Map<string, number>();

  /** @returns gives the hold back */
  hold(imageId: string): () => void {
    this.#counts.set(imageId, (this.#counts.get(imageId) ?? 0) + 1);
    return () => {
      const left = (this.#counts.get(imageId) ?? 1) - 1;
      if (left === 0) this.#counts.delete(imageId);
      else this.#counts.set(imageId, left);
    };
  }

  isHeld(imageId: string): boolean {
    return this.#counts.has(imageId);
  }
}
