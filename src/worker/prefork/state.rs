//! What the keeper does about its fork servers: which one serves, when one is started, and when the next attempt is made. Pure.

use std::time::Duration;

/// The pause before the first new attempt, which doubles up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(30);

/// A server that served this long was sound.
const SOUND: Duration = Duration::from_secs(10);

/// A number for each server that is started.
pub(super) type Generation = u64;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ServerEvent {
    /// Time has passed.
    Tick,
    /// A server has imported everything.
    Ready(Generation),
    /// A server cannot serve; it ends.
    Refused(Generation),
    /// A server's process has ended.
    Ended(Generation),
    /// The code changed, somebody asked for it, or the server has grown.
    Reload,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum KeeperAction {
    Start(Generation),
    /// Connections go to this server from now on.
    Serve(Generation),
    /// It finishes what it runs.
    Drain(Generation),
    /// A new server cannot serve, so the old one still does.
    KeptOld,
    /// No server serves; the next attempt is made after this pause.
    Plain(Duration),
}

/// The servers. Times are since the keeper's start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Servers {
    last: Generation,
    serving: Option<(Generation, Duration)>,
    starting: Option<Generation>,
    /// Whether the one that is starting may have read old code.
    is_outdated: bool,
    failures: u32,
    retry_at: Option<Duration>,
}

impl Servers {
    /// The server that gets the connections.
    pub(super) fn serving(&self) -> Option<Generation> {
        self.serving.map(|(generation, _)| generation)
    }

    /// The server that is importing.
    pub(super) const fn starting(&self) -> Option<Generation> {
        self.starting
    }

    /// When something is to be done without an event.
    pub(super) const fn wake_at(&self) -> Option<Duration> {
        self.retry_at
    }

    /// Starts the first server.
    pub(super) fn begin(&mut self) -> Vec<KeeperAction> {
        vec![self.start()]
    }

    /// What to do after an event.
    pub(super) fn on(&mut self, event: ServerEvent, now: Duration) -> Vec<KeeperAction> {
        match event {
            ServerEvent::Tick if self.starting.is_none() && self.retry_at.is_some_and(|at| at <= now) => {
                vec![self.start()]
            }
            ServerEvent::Ready(generation) if self.starting == Some(generation) => {
                self.starting = None;
                let old = self.serving.replace((generation, now));
                let mut actions = vec![KeeperAction::Serve(generation)];
                actions.extend(old.map(|(old, _)| KeeperAction::Drain(old)));
                actions.extend(self.start_again());
                actions
            }
            ServerEvent::Refused(generation) | ServerEvent::Ended(generation) if self.starting == Some(generation) => {
                self.starting = None;
                let again = self.start_again();
                match (again, self.serving) {
                    (Some(start), _) => vec![start],
                    (None, Some(_)) => vec![KeeperAction::KeptOld],
                    (None, None) => vec![self.pause(now)],
                }
            }
            ServerEvent::Ended(generation) if self.serving() == Some(generation) => {
                let since = self.serving.take().map_or(Duration::ZERO, |(_, since)| since);
                if now.saturating_sub(since) >= SOUND {
                    self.failures = 0;
                }
                if self.starting.is_some() { Vec::new() } else { vec![self.pause(now)] }
            }
            ServerEvent::Reload if self.starting.is_some() => {
                self.is_outdated = true;
                Vec::new()
            }
            ServerEvent::Reload => {
                self.failures = 0;
                vec![self.start()]
            }
            ServerEvent::Tick | ServerEvent::Ready(_) | ServerEvent::Refused(_) | ServerEvent::Ended(_) => Vec::new(),
        }
    }

    fn start(&mut self) -> KeeperAction {
        self.last += 1;
        self.starting = Some(self.last);
        self.retry_at = None;
        KeeperAction::Start(self.last)
    }

    fn start_again(&mut self) -> Option<KeeperAction> {
        std::mem::take(&mut self.is_outdated).then(|| self.start())
    }

    fn pause(&mut self, now: Duration) -> KeeperAction {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(20)).min(LAST_PAUSE);
        self.failures += 1;
        self.retry_at = Some(now + pause);
        KeeperAction::Plain(pause)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_new_server_serves_before_the_old_one_stops() {
        let mut servers = Servers::default();
        assert_eq!(servers.begin(), [KeeperAction::Start(1)]);
        assert_eq!(servers.on(ServerEvent::Ready(1), at(1)), [KeeperAction::Serve(1)]);
        assert_eq!(servers.on(ServerEvent::Reload, at(2)), [KeeperAction::Start(2)]);
        assert_eq!(servers.serving(), Some(1));
        assert_eq!(servers.on(ServerEvent::Ready(2), at(3)), [KeeperAction::Serve(2), KeeperAction::Drain(1)]);
        assert_eq!(servers.on(ServerEvent::Ended(1), at(4)), []);
        assert_eq!(servers.serving(), Some(2));
    }

    #[test]
    fn broken_new_code_leaves_the_old_server() {
        let mut servers = Servers::default();
        servers.begin();
        servers.on(ServerEvent::Ready(1), at(1));
        servers.on(ServerEvent::Reload, at(2));
        assert_eq!(servers.on(ServerEvent::Refused(2), at(3)), [KeeperAction::KeptOld]);
        assert_eq!(servers.on(ServerEvent::Ended(2), at(3)), []);
        assert_eq!((servers.serving(), servers.wake_at()), (Some(1), None));
    }

    #[test]
    fn code_that_changes_while_it_is_imported_is_imported_again() {
        let mut servers = Servers::default();
        servers.begin();
        assert_eq!(servers.on(ServerEvent::Reload, at(1)), []);
        assert_eq!(servers.on(ServerEvent::Ready(1), at(2)), [KeeperAction::Serve(1), KeeperAction::Start(2)]);
        assert_eq!(servers.on(ServerEvent::Ready(2), at(3)), [KeeperAction::Serve(2), KeeperAction::Drain(1)]);
    }

    #[test]
    fn pauses_double_and_end_with_a_sound_server() {
        let mut servers = Servers::default();
        servers.begin();
        let mut pauses = Vec::new();
        for generation in 1..=12 {
            match servers.on(ServerEvent::Ended(generation), at(generation * 100)).as_slice() {
                [KeeperAction::Plain(pause)] => pauses.push(pause.as_millis()),
                other => panic!("{other:?}"),
            }
            assert_eq!(servers.on(ServerEvent::Tick, at(generation * 100)), []);
            assert_eq!(servers.on(ServerEvent::Tick, at(generation * 100 + 30)), [KeeperAction::Start(generation + 1)]);
        }
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000, 30000]);
        servers.on(ServerEvent::Ready(13), at(2000));
        assert_eq!(servers.on(ServerEvent::Ended(13), at(2100)), [KeeperAction::Plain(FIRST_PAUSE)]);
    }

    proptest! {
        #[test]
        fn one_server_starts_at_a_time_and_none_is_forgotten(events in prop::collection::vec((0_u8..5, 0_u64..4), 0..200)) {
            let mut servers = Servers::default();
            let mut alive: BTreeSet<Generation> = BTreeSet::new();
            let mut drained: BTreeSet<Generation> = BTreeSet::new();
            let mut now = Duration::ZERO;
            let mut actions = servers.begin();
            for (kind, which) in events {
                for action in actions {
                    match action {
                        KeeperAction::Start(generation) => { prop_assert!(alive.insert(generation)); }
                        KeeperAction::Drain(generation) => { prop_assert!(drained.insert(generation)); }
                        KeeperAction::Serve(_) | KeeperAction::KeptOld | KeeperAction::Plain(_) => {}
                    }
                }
                // Every living server starts, serves, or is told to end.
                for generation in &alive {
                    let is_known = servers.starting() == Some(*generation) || servers.serving() == Some(*generation);
                    prop_assert!(is_known || drained.contains(generation));
                }
                prop_assert!(servers.starting().is_some() || servers.serving().is_some() || servers.wake_at().is_some());
                now += Duration::from_secs(which * 20);
                let generation = alive.iter().copied().nth(usize::try_from(which).unwrap_or(0));
                let event = match (kind, generation) {
                    (0, Some(generation)) if servers.starting() == Some(generation) => ServerEvent::Ready(generation),
                    (1, Some(generation)) if servers.starting() == Some(generation) => {
                        drained.insert(generation);
                        ServerEvent::Refused(generation)
                    }
                    (2, Some(generation)) => {
                        alive.remove(&generation);
                        ServerEvent::Ended(generation)
                    }
                    (3, _) => ServerEvent::Reload,
                    (_, _) => ServerEvent::Tick,
                };
                actions = servers.on(event, now);
            }
        }
    }
}
