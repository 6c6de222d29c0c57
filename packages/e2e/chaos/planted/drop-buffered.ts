/**
 * A bug for the checker to find, loaded with `--import`: of what came while the store was being asked, the first event is taken
 * for delivered that never was.
 */
const { ChannelLog } = await import(new URL("../../../../core/dist/channel-log.js", import.meta.url).href);

const { takeLinked } = ChannelLog.prototype;
ChannelLog.prototype.takeLinked = function (...args: readonly unknown[]): unknown {
  takeLinked.apply(this, args);
  return takeLinked.apply(this, args);
};
