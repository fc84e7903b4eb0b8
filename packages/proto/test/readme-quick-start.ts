import { errors, rpc } from '@kontiki/proto';

const put = rpc.PutRequest.create({ key: Buffer.from('raft'), value: Buffer.from('balsa') });
const bytes = rpc.PutRequest.encode(put).finish();
console.log(rpc.KVDefinition.methods.put.path, bytes.length, 'bytes');

const { value, lease } = rpc.PutRequest.decode(bytes);
console.log(Buffer.from(value).toString(), lease);

const { code, message } = errors.rpcError('Compacted');
console.log(errors.codeName(code), errors.rpcErrorOf(message)?.name);
