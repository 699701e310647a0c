// console.ts PORT SERVER: vite for the console's pages; everything that is the server's goes to the server.
import { createServer } from 'vite';

const [port = '5173', server = 'http://127.0.0.1:8080'] = process.argv.slice(2);
const toServer = { target: server, changeOrigin: false, ws: true };

const vite = await createServer({
  server: {
    host: '127.0.0.1',
    port: Number(port),
    strictPort: true,
    proxy: Object.fromEntries(['/api', '/metrics', '/socket.io', '/sip'].map((path) => [path, toServer])),
  },
});
await vite.listen();
process.on('SIGTERM', () => void vite.close().then(() => process.exit(0)));
