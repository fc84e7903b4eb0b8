const LEVEL = /^(level|.+-level|level-.+|module-error|maybe-combine-errors)$/;
const NODE_STREAMS =
  /^node:(net|stream|events|internal\/(streams|stream_base_commons|js_stream_socket|net|util\/debuglog))/;

/**
 * Which part of the house, or whose package, a source belongs to: `raft`, `server/rpc`, `grpc-js`, `node:http2`.
 *
 * @param file a path or `node:…`
 */
export function ownerOf(file: string): string {
  if (file.startsWith('node:')) {
    if (/^node:(internal\/)?http2/.test(file)) return 'node:http2';
    return NODE_STREAMS.test(file) ? 'node:net, streams' : 'node';
  }
  const path = file.replaceAll('\\', '/');
  const foreign = path.lastIndexOf('/node_modules/');
  if (foreign >= 0) return packageOf(path.slice(foreign + '/node_modules/'.length));
  if (path.includes('/tools/bench/')) return 'the profiler';
  const ours = /\/(packages|apps)\/([^/]+)\/(?:src\/([^/]+)\/)?/.exec(path);
  if (ours === null) return 'other';
  const [, kind, name, folder] = ours;
  return kind === 'apps' && folder !== undefined ? `${name}/${folder}` : name!;
}

function packageOf(path: string): string {
  const [first, second] = path.split('/') as [string, string?];
  const name = first.startsWith('@') ? `${first}/${second}` : first;
  if (name === '@grpc/grpc-js') return 'grpc-js';
  return LEVEL.test(name) ? 'level' : name;
}
