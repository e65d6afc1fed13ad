/** Minutes from asking for a pod to its being ready; minutes whose highest wish scaling down takes. */
const DELAY = 2;
const WINDOW = 5;

/** Pods that there are at the beginning. */
const FIRST = 10;

/** Minutes at the end that are left out, as forecasts reach beyond them. */
const TAIL = 6;

/** Wishes for replicas, minute by minute. */
export interface ScalingPolicy {
  /**
   * @param minute the one that has just passed
   * @param ready pods that serve
   * @param asked pods in all, those too that are coming
   */
  wish(minute: number, ready: number, asked: number): number;
}

/** How a policy did. */
export interface ClusterRun {
  /** Minutes whose load exceeded the ready pods, and by how much in all. */
  minutesOver: number;
  loadOver: number;
  replicaMinutes: number;
  /** Minutes in which pods were asked for or let go. */
  changes: number;
}

/** Load of a minute that a pod serves: a tenth of the mean of the first part of the series. */
export function podCapacity(minutes: Float64Array, cut: number): number {
  let sum = 0;
  for (let t = 0; t < cut; t++) sum += minutes[t];
  return sum / cut / 10;
}

/**
 * Plays the last part of a load series against a policy, by the rules of `scaling_reference.py`: a pod that is asked for is
 * ready two minutes later and costs at once; scaling down follows the highest wish of five minutes; each minute counts before
 * the wish that it leads to.
 */
export function playCluster(minutes: Float64Array, cut: number, policy: ScalingPolicy): ClusterRun {
  const capacity = podCapacity(minutes, cut);
  let ready = FIRST;
  let coming: { at: number; pods: number }[] = [];
  let wishes: number[] = [];
  const run: ClusterRun = { minutesOver: 0, loadOver: 0, replicaMinutes: 0, changes: 0 };
  for (let t = cut; t < minutes.length - TAIL; t++) {
    for (const { at, pods } of coming) if (at === t) ready += pods;
    coming = coming.filter(({ at }) => at > t);
    const asked = ready + coming.reduce((sum, { pods }) => sum + pods, 0);
    run.replicaMinutes += asked;
    const over = minutes[t] - ready * capacity;
    if (over > 0) {
      run.minutesOver++;
      run.loadOver += over;
    }
    wishes = [...wishes, policy.wish(t, ready, asked)].slice(-WINDOW);
    const last = wishes[wishes.length - 1];
    const wanted = Math.max(1, last > asked ? last : Math.max(...wishes));
    if (wanted !== asked) run.changes++;
    if (wanted > asked) coming.push({ at: t + DELAY, pods: wanted - asked });
    let drop = Math.max(0, asked - wanted);
    // Pods that are not ready yet go first.
    while (drop > 0 && coming.length > 0) {
      const last = coming[coming.length - 1];
      const gone = Math.min(last.pods, drop);
      drop -= gone;
      last.pods -= gone;
      if (last.pods === 0) coming.pop();
    }
    ready -= drop;
  }
  return run;
}
