/**
 * A bug for the checker to find, loaded with `--import`: who comes back is sent what it missed from the second event on, where
 * the log of the channel reaches back.
 */
const { ChannelLog } = await import(new URL("../../../../core/dist/channel-log.js", import.meta.url).href);

const { after } = ChannelLog.prototype;
ChannelLog.prototype.after = function (offset: number): unknown {
  return after.call(this, offset).slice(offset > 0 ? 1 : 0);
};
