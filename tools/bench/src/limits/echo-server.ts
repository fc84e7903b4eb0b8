import { type AddressInfo, createServer } from 'node:net';

/** Sends back what it gets: all that Node's sockets cost, and nothing more. */
const server = createServer({ noDelay: true }, (socket) => {
  socket.on('data', (chunk) => socket.write(chunk));
  socket.on('error', () => socket.destroy());
});
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
