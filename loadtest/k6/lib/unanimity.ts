/**
 * Whether something is so of all of many, asked again and again. It begins with the one of whom it wasn't so last time, so the
 * answer "not yet" costs next to nothing, and all are asked only for a "yes".
 */
export class Unanimity<Member> {
  #dissenter = 0;

  /** True when `isSo` is true of all of `members` now. */
  isReached(members: readonly Member[], isSo: (member: Member) => boolean): boolean {
    const { length } = members;
    for (let asked = 0; asked < length; asked++) {
      const index = (this.#dissenter + asked) % length;
      const member = members[index];
      if (member === undefined || isSo(member)) continue;
      this.#dissenter = index;
      return false;
    }
    return true;
  }
}
