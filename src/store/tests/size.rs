//! How many bytes a post takes. Ignored: it prints, for `docs/`.

use super::*;

#[tokio::test]
#[ignore = "a measurement, run by hand: cargo test --release --lib bytes_a_post -- --ignored --nocapture"]
async fn bytes_a_post() {
    let (dir, store) = open();
    let number = 20_000;
    let words = [
        "battery", "screen", "price", "support", "delivery", "update", "camera",
    ];
    for first in (0..number).step_by(500) {
        let posts = (first..first + 500).map(|n| {
            let mut commit = mention_of(post(n));
            let text: Vec<_> = (0..32).map(|w| words[(w * 7 + n as usize) % 7]).collect();
            commit.post.text = text.join(" ");
            commit.post.raw = format!("<p>{}</p>", commit.post.text);
            let bits = (n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            commit.post.fingerprint = Fingerprint {
                exact: bits,
                simhash: Some(bits.rotate_left(17)),
            };
            commit.post.author = Some(Author {
                native_id: format!("u{}", n / 4),
                ..ann()
            });
            commit.analysis = Some(Analysis {
                embedding: vec![5; 384],
                ..analysis()
            });
            commit
        });
        commit(&store, posts.collect()).await;
    }
    store.close().await;
    let connection = Connection::open(dir.path().join(FILE)).unwrap();
    let file = std::fs::metadata(dir.path().join(FILE)).unwrap().len();
    println!("file: {} bytes a post", file / number as u64);
    let tables = connection
        .prepare("SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC")
        .and_then(|mut statement| {
            statement
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<Vec<(String, i64)>, _>>()
        });
    match tables {
        Ok(tables) => tables
            .iter()
            .filter(|(_, bytes)| bytes / number > 0)
            .for_each(|(name, bytes)| println!("{name}: {}", bytes / number)),
        Err(error) => println!("by table: {error}"),
    }
}
