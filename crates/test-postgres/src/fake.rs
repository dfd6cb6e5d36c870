//! A server that speaks only the beginning of PostgreSQL's protocol: for versions and refusals that no server here has.

use std::io;
use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::net::TcpStream;
use std::thread;

/// The code of a request for TLS.
const TLS_REQUEST: u32 = 80_877_103;

/// Admits everyone and has no TLS.
pub struct FakePostgres {
    /// The port on 127.0.0.1.
    pub port: u16,
}

impl FakePostgres {
    /// Starts one of this version; it ends with the process.
    pub fn start(version: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ = serve(stream, version);
            }
        });
        Self { port }
    }
}

fn serve(mut stream: TcpStream, version: &str) -> io::Result<()> {
    loop {
        let mut head = [0; 8];
        stream.read_exact(&mut head)?;
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        if u32::from_be_bytes([head[4], head[5], head[6], head[7]]) == TLS_REQUEST {
            stream.write_all(b"N")?;
            continue;
        }
        stream.read_exact(&mut vec![0; length - 8])?;
        break;
    }
    let mut answer = message(b'R', &0_u32.to_be_bytes());
    answer.extend(message(b'S', format!("server_version\0{version}\0").as_bytes()));
    answer.extend(message(b'K', &[0, 0, 0, 1, 0, 0, 0, 1]));
    answer.extend(message(b'Z', b"I"));
    stream.write_all(&answer)?;
    io::copy(&mut stream, &mut io::sink())?;
    Ok(())
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("short");
    [&[kind], &length.to_be_bytes()[..], body].concat()
}
