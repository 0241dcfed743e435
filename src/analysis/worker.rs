//! The threads that score, behind an async handle.
//!
//! A call is cut into chunks of texts of similar length, one queue feeds all workers, and the results
//! come back in the order of the texts. A chunk that panics or is refused is repeated text by text
//! (after a panic with a new analyzer), and only the texts that fail alone are at fault; when a text
//! known to be good fails too, it is the engine. The queue is bounded: who calls waits. Nothing is
//! spawned for a call, and a call whose caller is gone is dropped from the queue.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};
use tracing::warn;

use super::{AnalyzeError, Analyzer, Input, TextFault};
use crate::domain::{Analysis, ModelId};

/// Texts of one chunk: long enough to bucket well, short enough to share among workers.
const CHUNK_MIN: usize = 16;
const CHUNK_MAX: usize = 256;
/// Chunks that wait for each worker. More would only hide how late the workers are.
const QUEUE_PER_WORKER: usize = 2;

/// What each new worker scores before it takes work: the first pass allocates and is slow, and an
/// engine that fails here fails at the start. Also tells an engine at fault from a text at fault.
const PROBE: Input<'static> = Input {
    text: "My new charger works, thank you",
    language: "en",
};

/// Makes an analyzer; called again after a panic.
pub type Factory = Arc<dyn Fn() -> Result<Box<dyn Analyzer>, AnalyzeError> + Send + Sync>;

/// One text to score, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The text as published.
    pub text: String,
    /// Detected language: ISO 639-1, else 639-3, `und` when unknown.
    pub language: String,
}

/// What became of one text.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It was scored.
    Scored(Analysis),
    /// It cannot be scored; trying again would end the same way.
    Fault(TextFault),
    /// Scoring is switched off.
    Off,
}

/// The way to the workers. Cheap to clone; the workers stop when the last clone is dropped.
#[derive(Debug, Clone)]
pub struct AnalyzerHandle {
    running: Option<Running>,
}

#[derive(Debug, Clone)]
struct Running {
    model: ModelId,
    workers: usize,
    queue: mpsc::Sender<Job>,
}

#[derive(Debug)]
struct Job {
    texts: Arc<Vec<Text>>,
    rows: Vec<usize>,
    reply: oneshot::Sender<Result<Vec<Outcome>, AnalyzeError>>,
}

impl AnalyzerHandle {
    /// A handle that scores nothing and loaded nothing.
    #[must_use]
    pub fn off() -> Self {
        Self { running: None }
    }

    /// Starts `workers` threads, each with an analyzer of its own.
    ///
    /// # Errors
    /// When an analyzer cannot be made or a thread does not start.
    pub fn start(factory: Factory, workers: usize) -> Result<Self, AnalyzeError> {
        let workers = workers.max(1);
        let (queue, jobs) = mpsc::channel(workers * QUEUE_PER_WORKER);
        let jobs = Arc::new(Mutex::new(jobs));
        let (ready, started) = std::sync::mpsc::channel();
        for n in 0..workers {
            let (factory, jobs) = (Arc::clone(&factory), Arc::clone(&jobs));
            let ready = ready.clone();
            // A model is made in the thread that runs it: some can't be moved, none needs to be.
            std::thread::Builder::new()
                .name(format!("analysis-{n}"))
                .spawn(move || match Worker::start(factory) {
                    Ok((worker, model)) => {
                        // Nobody waits when another worker has failed; then the queue is closed too.
                        let _ = ready.send(Ok(model));
                        drop(ready);
                        worker.run(&jobs);
                    }
                    Err(error) => {
                        let _ = ready.send(Err(error));
                    }
                })
                .map_err(|error| AnalyzeError::Load {
                    part: "thread",
                    reason: error.to_string(),
                })?;
        }
        drop(ready);
        let mut model = None;
        for _ in 0..workers {
            model = Some(started.recv().map_err(|_| AnalyzeError::Stopped)??);
        }
        let model = model.ok_or(AnalyzeError::Stopped)?;
        Ok(Self {
            running: Some(Running {
                model,
                workers,
                queue,
            }),
        })
    }

    /// The model that scores; none when scoring is off.
    #[must_use]
    pub fn model(&self) -> Option<&ModelId> {
        self.running.as_ref().map(|running| &running.model)
    }

    /// One outcome for each text, in order. Waits while the workers are busy.
    ///
    /// # Errors
    /// When the engine fails as a whole or has stopped.
    pub async fn analyze(&self, texts: Vec<Text>) -> Result<Vec<Outcome>, AnalyzeError> {
        let Some(running) = &self.running else {
            return Ok(vec![Outcome::Off; texts.len()]);
        };
        let texts = Arc::new(texts);
        let mut replies = Vec::new();
        for rows in chunks(&texts, running.workers) {
            let (reply, answer) = oneshot::channel();
            let job = Job {
                texts: Arc::clone(&texts),
                rows: rows.clone(),
                reply,
            };
            running
                .queue
                .send(job)
                .await
                .map_err(|_| AnalyzeError::Stopped)?;
            replies.push((rows, answer));
        }
        let mut out = vec![Outcome::Off; texts.len()];
        for (rows, answer) in replies {
            let outcomes = answer.await.map_err(|_| AnalyzeError::Stopped)??;
            for (row, outcome) in rows.into_iter().zip(outcomes) {
                out[row] = outcome;
            }
        }
        Ok(out)
    }
}

/// Row numbers in chunks, longest texts first: the last chunks are then the cheap ones, and the
/// workers finish together.
fn chunks(texts: &[Text], workers: usize) -> Vec<Vec<usize>> {
    let mut rows: Vec<usize> = (0..texts.len()).collect();
    rows.sort_by_key(|&row| std::cmp::Reverse(texts[row].text.len()));
    let size = texts.len().div_ceil(workers).clamp(CHUNK_MIN, CHUNK_MAX);
    rows.chunks(size).map(<[usize]>::to_vec).collect()
}

struct Worker {
    factory: Factory,
    /// None after a panic, until it is needed again.
    analyzer: Option<Box<dyn Analyzer>>,
}

/// How a batch ended that has no results.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("panicked")]
    Panicked,
    #[error(transparent)]
    Engine(AnalyzeError),
}

impl Worker {
    /// Makes an analyzer and warms it up.
    fn start(factory: Factory) -> Result<(Self, ModelId), AnalyzeError> {
        let made = catch_unwind(AssertUnwindSafe(|| {
            let mut analyzer = factory()?;
            analyzer.analyze(&[PROBE])?;
            Ok(analyzer)
        }));
        let analyzer = made.unwrap_or_else(|_| {
            Err(AnalyzeError::Load {
                part: "engine",
                reason: "it panicked".to_owned(),
            })
        })?;
        let model = analyzer.model().clone();
        let worker = Self {
            factory,
            analyzer: Some(analyzer),
        };
        Ok((worker, model))
    }

    fn run(mut self, jobs: &Mutex<mpsc::Receiver<Job>>) {
        loop {
            // One worker waits for the next job, the others for the lock.
            let job = jobs
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .blocking_recv();
            let Some(job) = job else { return };
            if job.reply.is_closed() {
                continue;
            }
            let inputs: Vec<Input<'_>> = job
                .rows
                .iter()
                .map(|&row| Input {
                    text: &job.texts[row].text,
                    language: &job.texts[row].language,
                })
                .collect();
            let result = self.analyze(&inputs);
            // The caller may have gone meanwhile; then nobody needs the result.
            let _ = job.reply.send(result);
        }
    }

    fn analyze(&mut self, inputs: &[Input<'_>]) -> Result<Vec<Outcome>, AnalyzeError> {
        match self.attempt(inputs) {
            Ok(outcomes) => return Ok(outcomes),
            Err(failed) => warn!(
                texts = inputs.len(),
                error = %failed,
                "analyzer failed, repeating text by text"
            ),
        }
        let mut out = Vec::with_capacity(inputs.len());
        for input in inputs {
            match self.attempt(std::slice::from_ref(input)) {
                Ok(outcomes) => out.extend(outcomes),
                Err(Failed::Panicked) => out.push(Outcome::Fault(TextFault::Panicked)),
                Err(Failed::Engine(error)) => {
                    if self.attempt(&[PROBE]).is_err() {
                        return Err(error);
                    }
                    out.push(Outcome::Fault(TextFault::Refused));
                }
            }
        }
        Ok(out)
    }

    fn attempt(&mut self, inputs: &[Input<'_>]) -> Result<Vec<Outcome>, Failed> {
        let mut analyzer = match self.analyzer.take() {
            Some(analyzer) => analyzer,
            None => (self.factory)().map_err(Failed::Engine)?,
        };
        // After a panic the analyzer is dropped, whatever state it is in, and made anew.
        let (analyzer, results) = catch_unwind(AssertUnwindSafe(move || {
            let results = analyzer.analyze(inputs);
            (analyzer, results)
        }))
        .map_err(|_| Failed::Panicked)?;
        self.analyzer = Some(analyzer);
        let results = results.map_err(Failed::Engine)?;
        if results.len() != inputs.len() {
            return Err(Failed::Engine(AnalyzeError::Run(format!(
                "{} results for {} texts",
                results.len(),
                inputs.len()
            ))));
        }
        Ok(results
            .into_iter()
            .map(|result| result.map_or_else(Outcome::Fault, Outcome::Scored))
            .collect())
    }
}

#[cfg(test)]
#[path = "worker_tests.rs"]
mod tests;
