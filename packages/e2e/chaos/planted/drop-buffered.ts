/**
 * A bug for the checker to find, loaded with `--import`: of what came while the store was being asked, the first event is taken
 * for delivered that never was.
 */
const { ChannelLog } = await import(new URL("../../../../core/dist/channel-log.js", import.meta.url).href);

const { after, takeLinked } = ChannelLog.prototype;
const dropped = new WeakSet<object>();

ChannelLog.prototype.takeLinked = function (): unknown {
  const entry = takeLinked.call(this);
  if (entry === null) return null;
  dropped.add(entry);
  return takeLinked.call(this);
};

ChannelLog.prototype.after = function (offset: number): readonly unknown[] {
  return after.call(this, offset).filter((entry: object) => !dropped.has(entry));
};
