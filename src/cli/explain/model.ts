/** What GET /corten/containers/{id}/explain answers: what the kernel holds for a container. */
export interface Explanation {
  readonly id: string;
  readonly name: string;
  readonly pid: number;
  readonly namespaces: readonly {
    readonly kind: string;
    readonly inode: number;
    readonly sharedWith: readonly string[];
  }[];
  readonly cgroups: readonly {
    readonly controller: string;
    readonly path: string;
    readonly values: Readonly<Record<string, string>>;
  }[];
  readonly mounts: readonly {
    readonly target: string;
    readonly type: string;
    readonly source: string;
    readonly options: string;
  }[];
  readonly layers: readonly { readonly diffId: string; readonly directory: string }[];
  readonly capabilities: { readonly effective: readonly string[]; readonly bounding: readonly string[] };
  readonly seccomp: 'disabled' | 'strict' | 'filter';
  readonly noNewPrivileges: boolean;
  readonly network?: NetworkExplanation;
  readonly file?: {
    readonly path: string;
    readonly origin: 'writable-layer' | 'image-layer' | 'mount' | 'missing';
    readonly layer?: string;
    readonly detail: string;
  };
}

export interface NetworkExplanation {
  readonly interfaces: readonly {
    readonly name: string;
    readonly hostPeer?: string;
    readonly macAddress: string;
    readonly addresses: readonly string[];
    readonly mtu: number;
  }[];
  readonly routes: readonly { readonly destination: string; readonly gateway?: string; readonly interface: string }[];
  readonly rules: readonly string[];
}
