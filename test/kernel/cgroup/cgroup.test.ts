import { CgroupManagerV1, CgroupManagerV2, readHierarchies } from '../../../src/kernel/index.ts';
import { cgroupConformance } from '../../conformance/cgroup.ts';

const { v1, v2 } = readHierarchies();
const controllers = v1.filter(({ controllers: names }) => !names[0]?.startsWith('name='));

if (controllers.length > 0) {
  cgroupConformance({
    name: 'v1',
    manager: new CgroupManagerV1(controllers),
    parent: `/corten-conformance-${process.pid}`,
    skip: undefined,
  });
}

if (v2 !== undefined) {
  // In a hybrid set-up it has few controllers, and those tests are skipped; freezing, killing and devices need none.
  cgroupConformance({
    name: 'v2',
    manager: new CgroupManagerV2(v2),
    parent: `/corten-conformance-${process.pid}`,
    skip: undefined,
  });
}
