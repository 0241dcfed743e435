//! A mail server on loopback that remembers what it got and answers as told. It speaks no TLS.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What it answers to the end of a message.
pub type Answer = &'static str;

pub struct MailServer {
    pub url: String,
    mails: Arc<Mutex<Vec<String>>>,
    answer: Arc<Mutex<Answer>>,
    _serving: JoinSet<()>,
}

impl MailServer {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mails = Arc::<Mutex<Vec<String>>>::default();
        let answer = Arc::new(Mutex::new("250 taken"));
        let mut serving = JoinSet::new();
        let (kept, said) = (Arc::clone(&mails), Arc::clone(&answer));
        serving.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                // Clients come and go; one that breaks off is no fault of the server.
                let _ = talk(stream, &kept, &said).await;
            }
        });
        Self {
            url: format!("smtp://{address}"),
            mails,
            answer,
            _serving: serving,
        }
    }

    pub fn answer(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    /// Every message so far, with its commands in front.
    pub fn mails(&self) -> Vec<String> {
        self.mails.lock().unwrap().clone()
    }
}

async fn talk(
    stream: TcpStream,
    mails: &Mutex<Vec<String>>,
    answer: &Mutex<Answer>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 town ESMTP\r\n").await?;
    let (mut mail, mut in_data) = (String::new(), false);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        if in_data && line != ".\r\n" {
            mail.push_str(&line);
            continue;
        }
        let reply = match line.get(..4).unwrap_or(&line) {
            _ if in_data => {
                in_data = false;
                mails.lock().unwrap().push(std::mem::take(&mut mail));
                let answer = *answer.lock().unwrap();
                format!("{answer}\r\n")
            }
            "EHLO" => "250-town\r\n250 8BITMIME\r\n".to_owned(),
            "DATA" => {
                in_data = true;
                "354 go on\r\n".to_owned()
            }
            "QUIT" => {
                stream.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => {
                mail.push_str(&line);
                "250 good\r\n".to_owned()
            }
        };
        stream.write_all(reply.as_bytes()).await?;
    }
}
