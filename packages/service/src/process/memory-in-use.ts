/** How far beyond its peak the memory of a process may be before that is a new peak. */
const PEAK_TOLERANCE = 1.03;

/**
 * How much of a process's memory is in use. What is freed in small pieces stays with the process, as its allocator's memory has holes then:
 * it is taken again before the process grows any further. By its resident memory alone a process would be as full as it ever was, for good.
 */
export class MemoryInUse {
  #peak = { residentBytes: 0, scriptBytes: 0 };

  /**
   * Takes in a reading, and answers the bytes in use. `scriptBytes`: what of them JavaScript holds, garbage included. What else is
   * held counts as much as at the peak, so that nothing is left out when it grows: that makes a new one.
   */
  note(residentBytes: number, scriptBytes: number): number {
    const { residentBytes: peakBytes, scriptBytes: ofScript } = this.#peak;
    if (residentBytes > peakBytes * PEAK_TOLERANCE || (residentBytes >= peakBytes && scriptBytes >= ofScript)) {
      this.#peak = { residentBytes, scriptBytes };
      return residentBytes;
    }
    return Math.min(residentBytes, Math.max(0, peakBytes - ofScript) + scriptBytes);
  }
}
