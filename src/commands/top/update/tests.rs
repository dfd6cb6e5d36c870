//! Sequences of events.

use proptest::prelude::*;

use super::*;
use crate::commands::top::model::TopKey;
use crate::commands::top::model::TopTab;
use crate::commands::top::rows;
use crate::commands::top::samples;
use crate::commands::top::samples::model;
use crate::commands::top::view;

fn press(model: &mut TopModel, keys: &str) -> Vec<TopEffect> {
    keys.chars().flat_map(|key| update(model, TopEvent::Key(ScreenKey::Char(key)))).collect()
}

fn key(model: &mut TopModel, key: ScreenKey) -> Vec<TopEffect> {
    update(model, TopEvent::Key(key))
}

fn window(model: &TopModel) -> &TopWindow {
    let TopFocus::Window(window) = &model.focus else { panic!("{:?}", model.focus) };
    window
}

fn answer(model: &mut TopModel, number: u64, answer: TopAnswer) -> Vec<TopEffect> {
    update(model, TopEvent::Answer { number, answer })
}

fn text(text: &str) -> Vec<String> {
    vec![text.to_owned()]
}

#[test]
fn a_selected_row_stays_selected_where_it_moves() {
    let mut top = model((80, 24));
    press(&mut top, "2jj");
    assert_eq!(top.list().selected, Some(TopKey::Task(0, 3)));
    let mut newer = samples::snapshot();
    newer.tasks.insert(0, samples::task(6, "shop.tasks.new", "READY"));
    samples::read(&mut top, 0, newer);
    assert_eq!((top.list().selected.clone(), top.list().index), (Some(TopKey::Task(0, 3)), 3));
    // It is gone: the row at its place is selected.
    let mut fewer = samples::snapshot();
    fewer.tasks.retain(|task| task.result_id != 3);
    samples::read(&mut top, 0, fewer);
    assert_eq!((top.list().selected.clone(), top.list().index), (Some(TopKey::Task(0, 1)), 3));
}

#[test]
fn the_first_row_is_followed_until_another_is_selected() {
    let mut top = model((80, 24));
    press(&mut top, "2jf");
    assert_eq!(top.list().selected, Some(TopKey::Task(0, 5)));
    let mut newer = samples::snapshot();
    newer.tasks.insert(0, samples::task(6, "shop.tasks.new", "READY"));
    samples::read(&mut top, 0, newer);
    assert_eq!(top.list().selected, Some(TopKey::Task(0, 6)));
    press(&mut top, "j");
    assert_eq!((top.list().selected.clone(), top.list().follows), (Some(TopKey::Task(0, 5)), false));
}

#[test]
fn lists_are_switched_sorted_and_filtered() {
    let mut top = model((80, 24));
    let names =
        |top: &TopModel| -> Vec<String> { rows::rows(top).iter().map(|row| row.cells[1].text.clone()).collect() };
    assert_eq!(names(&top), ["default", "mail", "請求書"]);
    // By READY, largest first; then reversed.
    press(&mut top, "s");
    assert_eq!(names(&top), ["mail", "default", "請求書"]);
    press(&mut top, "S");
    assert_eq!(names(&top), ["請求書", "default", "mail"]);
    // OLDEST: what is missing is last in both directions.
    press(&mut top, "ssss");
    assert_eq!(names(&top), ["mail", "default", "請求書"]);
    press(&mut top, "S");
    assert_eq!(names(&top), ["default", "mail", "請求書"]);
    press(&mut top, "/MAI");
    assert_eq!(names(&top), ["mail"]);
    // Escape takes back what was typed, or else the filter, or else it quits.
    key(&mut top, ScreenKey::Escape);
    assert_eq!(names(&top).len(), 3);
    press(&mut top, "/q");
    key(&mut top, ScreenKey::Enter);
    assert_eq!((names(&top).len(), top.list().selected.clone()), (0, None));
    assert_eq!(key(&mut top, ScreenKey::Escape), []);
    assert_eq!(names(&top).len(), 3);
    assert_eq!(key(&mut top, ScreenKey::Escape), [TopEffect::Quit]);
    for (keys, tab) in [("3", TopTab::Workers), ("5", TopTab::Failures), ("1", TopTab::Queues)] {
        press(&mut top, keys);
        assert_eq!(top.tab, tab);
    }
    key(&mut top, ScreenKey::BackTab);
    assert_eq!(top.tab, TopTab::Failures);
    key(&mut top, ScreenKey::Tab);
    assert_eq!(top.tab, TopTab::Queues);
}

#[test]
fn sorting_goes_around_without_the_hidden_column() {
    for (mut top, first) in [(model((80, 24)), 1), (samples::several(&["a", "b"], (80, 24)), 0)] {
        let mut seen = Vec::new();
        for _ in 0..20 {
            press(&mut top, "s");
            seen.push(top.list().sort);
        }
        assert_eq!(seen.iter().min(), Some(&first));
        assert_eq!(seen.iter().max(), Some(&8));
    }
}

#[test]
fn a_change_is_planned_shown_confirmed_and_made() {
    let mut top = model((80, 24));
    let pause = TopQuestion::Pause("default".to_owned(), true);
    assert_eq!(press(&mut top, "p"), [TopEffect::Ask { number: 1, database: 0, question: pause }]);
    // Not confirmed before the plan is shown.
    assert_eq!(press(&mut top, "y"), []);
    answer(&mut top, 1, TopAnswer::Plan(text("Pause it")));
    assert_eq!(window(&top).lines, ["Pause it"]);
    for other in [ScreenKey::Enter, ScreenKey::Char('Y'), ScreenKey::Char('p'), ScreenKey::Tab] {
        assert_eq!(key(&mut top, other), [], "{other:?}");
        assert_eq!(window(&top).kind, WindowKind::Asking(1));
    }
    assert_eq!(press(&mut top, "y"), [TopEffect::Apply { number: 1, database: 0 }]);
    // Neither twice nor given up.
    assert_eq!(press(&mut top, "yynq"), []);
    answer(&mut top, 1, TopAnswer::Done(text("Paused")));
    assert_eq!((window(&top).kind, window(&top).lines[0].as_str()), (WindowKind::Text, "Paused"));
    key(&mut top, ScreenKey::Escape);
    assert_eq!(top.focus, TopFocus::List);
    // The other queue is paused.
    let resume = TopQuestion::Pause("mail".to_owned(), false);
    assert_eq!(press(&mut top, "jp"), [TopEffect::Ask { number: 2, database: 0, question: resume }]);
}

#[test]
fn a_plan_that_is_given_up_is_forgotten() {
    for no in [ScreenKey::Char('n'), ScreenKey::Char('q'), ScreenKey::Escape] {
        let mut top = model((80, 24));
        assert_eq!(
            press(&mut top, "5r"),
            [TopEffect::Ask { number: 1, database: 0, question: TopQuestion::Retry(105) }]
        );
        answer(&mut top, 1, TopAnswer::Plan(text("Retry it")));
        assert_eq!(key(&mut top, no), [TopEffect::Discard { number: 1, database: 0 }]);
        assert_eq!((&top.focus, top.notice.as_deref()), (&TopFocus::List, Some("nothing was changed")));
        // An answer that comes late opens nothing.
        answer(&mut top, 1, TopAnswer::Plan(text("Retry it")));
        assert_eq!(top.focus, TopFocus::List);
    }
}

#[test]
fn a_plan_without_a_change_cannot_be_confirmed() {
    let mut top = model((80, 24));
    press(&mut top, "2c");
    answer(&mut top, 1, TopAnswer::NoChange(text("it is SUCCESSFUL")));
    assert_eq!(press(&mut top, "y"), []);
    assert_eq!(top.focus, TopFocus::List);
}

#[test]
fn an_answer_to_another_request_is_ignored() {
    let mut top = model((80, 24));
    press(&mut top, "p");
    key(&mut top, ScreenKey::Escape);
    press(&mut top, "p");
    answer(&mut top, 1, TopAnswer::Plan(text("old")));
    assert_eq!(window(&top).kind, WindowKind::Waiting(2));
}

#[test]
fn read_only_asks_for_nothing_that_changes() {
    let mut top = model((80, 24));
    top.is_read_only = true;
    assert_eq!(press(&mut top, "p2rc5rc"), []);
    assert_eq!(top.notice.as_deref(), Some("changes are disabled by --read-only"));
    let details = TopEffect::Ask { number: 1, database: 0, question: TopQuestion::Details(105) };
    assert_eq!(key(&mut top, ScreenKey::Enter), [details]);
}

#[test]
fn a_change_needs_something_of_its_kind() {
    let mut top = model((80, 24));
    for keys in ["1r", "1c", "2p", "3p", "4r"] {
        assert_eq!(press(&mut top, keys), [], "{keys}");
        assert!(top.notice.as_deref().is_some_and(|notice| notice.starts_with("select a")), "{keys}");
    }
}

#[test]
fn what_was_read_last_remains_when_a_database_is_away() {
    let mut top = model((80, 24));
    update(&mut top, TopEvent::Clock(Duration::from_secs(2)));
    assert_eq!(top.databases[0].age(top.clock, top.interval), None);
    let at = Duration::from_secs(9);
    update(&mut top, TopEvent::Read { database: 0, at, result: Err("no server".to_owned()) });
    assert_eq!(top.databases[0].age(top.clock, top.interval), Some(Duration::from_secs(8)));
    assert_eq!(rows::rows(&top).len(), 3);
    // Without an error, but nothing is read any more.
    let mut top = model((80, 24));
    update(&mut top, TopEvent::Clock(Duration::from_secs(30)));
    assert_eq!(top.databases[0].age(top.clock, top.interval), Some(Duration::from_secs(29)));
}

#[test]
fn signals_and_control_keys_work_everywhere() {
    for keys in ["", "/a", "?", "p"] {
        let mut top = model((80, 24));
        press(&mut top, keys);
        assert_eq!(key(&mut top, ScreenKey::Control('z')), [TopEffect::SuspendJob]);
        assert_eq!(key(&mut top, ScreenKey::Control('l')), [TopEffect::Redraw]);
        assert_eq!(update(&mut top, TopEvent::Suspend), [TopEffect::Suspend]);
        assert_eq!(update(&mut top, TopEvent::Continue), [TopEffect::Redraw]);
        assert_eq!(key(&mut top, ScreenKey::Control('c')), [TopEffect::Quit]);
        assert_eq!(update(&mut top, TopEvent::End), [TopEffect::Quit]);
    }
}

fn keys() -> impl Strategy<Value = ScreenKey> {
    prop_oneof![
        8 => proptest::sample::select(vec![
            '1', '2', '3', '4', '5', 'j', 'k', 'g', 'G', 's', 'S', 'f', '/', '?', 'p', 'r', 'c', 'y', 'n', ' ', 'x', '請',
        ]).prop_map(ScreenKey::Char),
        4 => proptest::sample::select(vec![
            ScreenKey::Enter, ScreenKey::Escape, ScreenKey::Tab, ScreenKey::BackTab, ScreenKey::Backspace, ScreenKey::Up,
            ScreenKey::Down, ScreenKey::PageUp, ScreenKey::PageDown, ScreenKey::Home, ScreenKey::End,
            ScreenKey::Control('u'),
        ]),
    ]
}

/// What a database has: some of the sample.
fn snapshots() -> impl Strategy<Value = TopSnapshot> {
    proptest::collection::vec(any::<bool>(), 20).prop_map(|kept| {
        let mut snapshot = samples::snapshot();
        let mut kept = kept.into_iter().cycle();
        let mut keep = || kept.next().unwrap_or(true);
        snapshot.queues.retain(|_| keep());
        snapshot.tasks.retain(|_| keep());
        snapshot.workers.retain(|_| keep());
        snapshot.schedules.retain(|_| keep());
        snapshot.failures.retain(|_| keep());
        snapshot
    })
}

fn answers() -> impl Strategy<Value = TopAnswer> {
    let lines = || proptest::collection::vec("[ a-z]{0,120}", 0..40);
    prop_oneof![
        lines().prop_map(TopAnswer::Text),
        lines().prop_map(TopAnswer::Plan),
        lines().prop_map(TopAnswer::NoChange),
        lines().prop_map(TopAnswer::Done),
        lines().prop_map(TopAnswer::Failed),
    ]
}

fn events() -> impl Strategy<Value = TopEvent> {
    prop_oneof![
        8 => keys().prop_map(TopEvent::Key),
        1 => (0_u16..200, 0_u16..60).prop_map(|(columns, rows)| TopEvent::Resize(columns, rows)),
        1 => (0_u64..100).prop_map(|seconds| TopEvent::Clock(Duration::from_secs(seconds))),
        2 => (0_usize..4, snapshots()).prop_map(|(database, snapshot)| TopEvent::Read {
            database, at: Duration::from_secs(1), result: Ok(Box::new(snapshot)),
        }),
        1 => (0_usize..4).prop_map(|database| TopEvent::Read {
            database, at: Duration::from_secs(2), result: Err("away".to_owned()),
        }),
        2 => (0_u64..12, answers()).prop_map(|(number, answer)| TopEvent::Answer { number, answer }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// After any events, a row of the list that is shown is selected if there is one, and it is on the screen. A change is made
    /// only by `y` while its plan is shown.
    #[test]
    fn the_selection_is_valid_and_nothing_is_changed_unasked(events in proptest::collection::vec(events(), 0..60)) {
        let mut top = samples::several(&["a", "b", "c"], (80, 24));
        for event in events {
            let asked = if let TopFocus::Window(TopWindow { kind: WindowKind::Asking(number), .. }) = &top.focus {
                Some(*number)
            } else {
                None
            };
            let is_yes = matches!(event, TopEvent::Key(ScreenKey::Char('y')));
            for effect in update(&mut top, event) {
                if let TopEffect::Apply { number, .. } = effect {
                    prop_assert!(is_yes && asked == Some(number));
                }
            }
            let (keys, list): (Vec<_>, _) = (rows::rows(&top).into_iter().map(|row| row.key).collect(), top.list());
            prop_assert_eq!(list.selected.as_ref(), keys.get(list.index));
            let height = usize::from(top.layout().list_rows).max(1);
            prop_assert!(list.offset <= list.index && list.index < list.offset + height, "{:?}", list);
        }
        let backend = ratatui::backend::TestBackend::new(top.size.0, top.size.1);
        let mut terminal = ratatui::Terminal::new(backend).expect("a buffer");
        let paint = view::TopPaint { clean: &crate::model::text::printable_line, is_colored: true };
        terminal.draw(|frame| view::draw(frame, &top, &paint)).expect("drawn");
    }
}
