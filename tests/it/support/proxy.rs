//! A wire between the service and PostgreSQL that a test can cut: the cluster itself is everybody's.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    os::unix::net::UnixStream,
    path::PathBuf,
    sync::{Arc, Condvar, Mutex},
};

use sqlx::postgres::PgConnectOptions;

use super::TestDatabase;

/// What the wire does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Open,
    /// Connections are ended, new ones too, as when the server is down.
    Cut,
    /// Nothing comes through and nobody is told, as when a cable is pulled.
    Stalled,
}

enum Server {
    Unix(PathBuf),
    Tcp(String, u16),
}

enum Upstream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Server {
    fn connect(&self) -> io::Result<Upstream> {
        match self {
            Server::Unix(path) => UnixStream::connect(path).map(Upstream::Unix),
            Server::Tcp(host, port) => TcpStream::connect((host.as_str(), *port)).map(Upstream::Tcp),
        }
    }
}

impl Upstream {
    fn try_clone(&self) -> io::Result<Self> {
        match self {
            Upstream::Unix(stream) => stream.try_clone().map(Upstream::Unix),
            Upstream::Tcp(stream) => stream.try_clone().map(Upstream::Tcp),
        }
    }

    fn shutdown(&self) {
        let _ = match self {
            Upstream::Unix(stream) => stream.shutdown(Shutdown::Both),
            Upstream::Tcp(stream) => stream.shutdown(Shutdown::Both),
        };
    }
}

impl Read for Upstream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Upstream::Unix(stream) => stream.read(buffer),
            Upstream::Tcp(stream) => stream.read(buffer),
        }
    }
}

impl Write for Upstream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Upstream::Unix(stream) => stream.write(buffer),
            Upstream::Tcp(stream) => stream.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Wire {
    mode: Mode,
    pairs: Vec<(TcpStream, Upstream)>,
}

#[derive(Clone)]
struct Shared(Arc<(Mutex<Wire>, Condvar)>);

impl Shared {
    fn set(&self, mode: Mode) {
        let mut wire = self.0.0.lock().unwrap();
        wire.mode = mode;
        if mode == Mode::Cut {
            for (client, server) in wire.pairs.drain(..) {
                let _ = client.shutdown(Shutdown::Both);
                server.shutdown();
            }
        }
        self.0.1.notify_all();
    }

    /// Waits while nothing comes through; gives what the wire does then.
    fn passing(&self) -> Mode {
        let wire = self.0.0.lock().unwrap();
        let wire = self
            .0
            .1
            .wait_while(wire, |wire| wire.mode == Mode::Stalled)
            .unwrap();
        wire.mode
    }

    fn copy(&self, mut from: impl Read, mut to: impl Write) {
        let mut buffer = [0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            if self.passing() == Mode::Cut || to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
    }
}

/// A wire to a test's database.
pub struct Proxy {
    shared: Shared,
}

impl Proxy {
    /// Lays a wire, and gives the database as it is reached through it.
    pub fn before(mut database: TestDatabase) -> (Self, TestDatabase) {
        let options: PgConnectOptions = database.url.parse().expect("the database's URL");
        let server = match options.get_socket() {
            Some(folder) => Server::Unix(folder.join(format!(".s.PGSQL.{}", options.get_port()))),
            None => Server::Tcp(options.get_host().to_owned(), options.get_port()),
        };
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().unwrap().port();
        let name = options.get_database().expect("the database's name");
        database.url = format!("postgres://{}@127.0.0.1:{port}/{name}", options.get_username());
        let shared = Shared(Arc::new((
            Mutex::new(Wire {
                mode: Mode::Open,
                pairs: Vec::new(),
            }),
            Condvar::new(),
        )));
        let accepting = shared.clone();
        // Ends with the test's process.
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let accepting = accepting.clone();
                let Ok(upstream) = server.connect() else { continue };
                std::thread::spawn(move || accepting.join_up(client, upstream));
            }
        });
        (Self { shared }, database)
    }

    /// Ends every connection, and every one that is tried from now on.
    pub fn cut(&self) {
        self.shared.set(Mode::Cut);
    }

    /// Lets nothing through any more, without a word.
    pub fn stall(&self) {
        self.shared.set(Mode::Stalled);
    }

    /// Lets everything through again.
    pub fn restore(&self) {
        self.shared.set(Mode::Open);
    }
}

impl Shared {
    fn join_up(&self, client: TcpStream, upstream: Upstream) {
        let _ = client.set_nodelay(true);
        let (Ok(kept), Ok(kept_up)) = (client.try_clone(), upstream.try_clone()) else {
            return;
        };
        {
            let mut wire = self.0.0.lock().unwrap();
            if wire.mode == Mode::Cut {
                return;
            }
            wire.pairs.push((kept, kept_up));
        }
        let (Ok(answers_to), Ok(answers_from)) = (client.try_clone(), upstream.try_clone()) else {
            return;
        };
        let (Ok(client_end), Ok(server_end)) = (client.try_clone(), upstream.try_clone()) else {
            return;
        };
        let back = self.clone();
        let answering = std::thread::spawn(move || {
            back.copy(answers_from, &answers_to);
            let _ = answers_to.shutdown(Shutdown::Both);
        });
        self.copy(client, upstream);
        server_end.shutdown();
        let _ = answering.join();
        let _ = client_end.shutdown(Shutdown::Both);
    }
}
