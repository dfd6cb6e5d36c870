//! Connects everything that happens with the model and the screen, on one runtime.

use std::pin::pin;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use futures_util::future::Either;
use futures_util::future::join_all;
use futures_util::future::join3;
use futures_util::future::select;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::mpsc::unbounded_channel;

use crate::commands::database::within_runtime;
use crate::commands::session::Session;
use crate::commands::top::ShownDatabase;
use crate::commands::top::feed::Feed;
use crate::commands::top::feed::FeedRequest;
use crate::commands::top::model::TopModel;
use crate::commands::top::update::TopAnswer;
use crate::commands::top::update::TopEffect;
use crate::commands::top::update::TopEvent;
use crate::commands::top::update::update;
use crate::commands::top::view;
use crate::commands::top::view::TopPaint;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::platform;
use crate::platform::JobSignal;
use crate::platform::JobSignals;
use crate::ui::Screen;
use crate::ui::ScreenEvent;
use crate::ui::ScreenInput;

/// How often ages are shown anew.
const TICK: Duration = Duration::from_secs(1);

/// How long connections may take to end after the screen.
const LAST_WORK: Duration = Duration::from_secs(2);

/// Whether the screen has ended, so that statements are cancelled.
static HAS_ENDED: AtomicBool = AtomicBool::new(false);

fn has_ended() -> bool {
    HAS_ENDED.load(Ordering::SeqCst) || platform::is_interrupted()
}

/// Shows the databases until the user or a signal ends it.
pub(super) fn run(
    databases: Vec<ShownDatabase>,
    interval: Duration,
    is_read_only: bool,
    session: &Session<'_>,
) -> Result<ExitStatus, CommandError> {
    platform::watch_signals();
    platform::end_after_signal();
    within_runtime(async {
        let began = Instant::now();
        let (events, mut incoming) = unbounded_channel();
        let aliases = databases.iter().map(|(alias, _)| alias.clone()).collect();
        let mut requests = Vec::new();
        let feeds = databases.into_iter().enumerate().map(|(number, (_, address))| {
            let (sender, receiver) = unbounded_channel();
            requests.push(sender);
            let feed =
                Feed { number, address, interval, began, interrupted: has_ended, session, events: events.clone() };
            feed.run(receiver)
        });
        let mut feeds = pin!(join_all(feeds.collect::<Vec<_>>()));
        let result = {
            let model = TopModel::new(aliases, interval, is_read_only, (0, 0));
            let screen = pin!(show(model, began, events, &mut incoming, requests, session));
            match select(screen, feeds.as_mut()).await {
                Either::Left((result, _)) => result,
                // They end after the screen, which has the other ends of their channels.
                Either::Right(_) => return Ok(ExitStatus::Success),
            }
        };
        HAS_ENDED.store(true, Ordering::SeqCst);
        let _ = tokio::time::timeout(LAST_WORK, feeds).await;
        report_last_change(&mut incoming, session);
        result?;
        Ok(if platform::is_interrupted() { ExitStatus::Interrupted } else { ExitStatus::Success })
    })
}

/// What became of a change that was made when the screen ended.
fn report_last_change(incoming: &mut UnboundedReceiver<TopEvent>, session: &Session<'_>) {
    while let Ok(event) = incoming.try_recv() {
        let TopEvent::Answer { answer, .. } = event else { continue };
        match answer {
            TopAnswer::Done(lines) => lines.iter().for_each(|line| session.ui.status(line)),
            TopAnswer::Failed(lines) => lines.iter().for_each(|line| session.ui.warn(line)),
            TopAnswer::Text(_) | TopAnswer::Plan(_) | TopAnswer::NoChange(_) => {}
        }
    }
}

/// Draws the model, and changes it by events, until it is to end.
async fn show(
    mut model: TopModel,
    began: Instant,
    events: UnboundedSender<TopEvent>,
    incoming: &mut UnboundedReceiver<TopEvent>,
    requests: Vec<UnboundedSender<FeedRequest>>,
    session: &Session<'_>,
) -> Result<(), CommandError> {
    let failed = |error| CommandError::system("draw on the terminal", error);
    let signals = JobSignals::watch().map_err(failed)?;
    let screen = Screen::take().map_err(failed)?;
    model.size = screen.size().map_err(failed)?;
    let sources = pin!(join3(keys(events.clone()), clock(events.clone(), began), notices(events, signals)));
    let shown = pin!(drive(model, screen, incoming, &requests, session));
    let result = match select(shown, sources).await {
        Either::Left((result, _)) => result,
        // The terminal has ended, and nobody can press a key.
        Either::Right(_) => Ok(()),
    };
    result.map_err(failed)
}

async fn drive(
    mut model: TopModel,
    mut screen: Screen,
    incoming: &mut UnboundedReceiver<TopEvent>,
    requests: &[UnboundedSender<FeedRequest>],
    session: &Session<'_>,
) -> std::io::Result<()> {
    let clean = |text: &str| session.ui.clean(text);
    let paint = TopPaint { clean: &clean, is_colored: session.ui.is_colored() };
    loop {
        screen.draw(|frame| view::draw(frame, &model, &paint))?;
        let Some(event) = incoming.recv().await else { return Ok(()) };
        let mut effects = update(&mut model, event);
        // What has arrived in the meantime is drawn together.
        while let Ok(event) = incoming.try_recv() {
            effects.extend(update(&mut model, event));
        }
        for effect in effects {
            match effect {
                TopEffect::Quit => return Ok(()),
                TopEffect::SuspendJob => {
                    platform::suspend_job();
                }
                TopEffect::Suspend => {
                    screen.give_back();
                    platform::suspend_process();
                    screen.take_again()?;
                }
                TopEffect::Redraw => screen.take_again()?,
                TopEffect::Read => requests.iter().for_each(|it| drop(it.send(FeedRequest::Read))),
                TopEffect::Ask { number, database, question } => {
                    send(requests, database, FeedRequest::Ask(number, question));
                }
                TopEffect::Apply { number, database } => send(requests, database, FeedRequest::Apply(number)),
                TopEffect::Discard { number, database } => send(requests, database, FeedRequest::Discard(number)),
            }
        }
        // The terminal may have another size after it was used by another program.
        model.size = screen.size()?;
    }
}

fn send(requests: &[UnboundedSender<FeedRequest>], database: usize, request: FeedRequest) {
    if let Some(requests) = requests.get(database) {
        let _ = requests.send(request);
    }
}

async fn keys(events: UnboundedSender<TopEvent>) {
    let mut input = ScreenInput::new();
    while let Some(event) = input.next().await {
        let event = match event {
            ScreenEvent::Key(key) => TopEvent::Key(key),
            ScreenEvent::Resize(columns, rows) => TopEvent::Resize(columns, rows),
        };
        let _ = events.send(event);
    }
    let _ = events.send(TopEvent::End);
}

async fn clock(events: UnboundedSender<TopEvent>, began: Instant) {
    loop {
        tokio::time::sleep(TICK).await;
        let _ = events.send(TopEvent::Clock(began.elapsed()));
    }
}

/// Signals: of job control, and those that end the process.
async fn notices(events: UnboundedSender<TopEvent>, signals: JobSignals) {
    loop {
        let event = match select(pin!(signals.next()), pin!(platform::interruption())).await {
            Either::Left((Ok(JobSignal::Suspend), _)) => TopEvent::Suspend,
            Either::Left((Ok(JobSignal::Continue), _)) => TopEvent::Continue,
            Either::Left((Err(_), _)) => break platform::interruption().await,
            Either::Right(_) => break,
        };
        let _ = events.send(event);
    }
    let _ = events.send(TopEvent::End);
}
