//! Properties of the decision that hold for any input.

use proptest::prelude::*;

use super::tests::answered;
use super::tests::directory;
use super::tests::file;
use super::tests::hits;
use super::tests::named;
use super::tests::set;
use super::tests::world;
use super::*;
use crate::worker::which::Packaged;

fn any_probe(path: &'static str) -> impl Strategy<Value = PathProbe> {
    let identity = prop_oneof![
        Just(CandidateIdentity::Worker { version: None }),
        Just(CandidateIdentity::NotWorker { reason: "other".to_owned() }),
        Just(CandidateIdentity::Unknown { reason: "script".to_owned() }),
    ];
    let likeness =
        prop_oneof![3 => Just(Likeness::Different), 1 => Just(Likeness::SameFile), 1 => Just(Likeness::SameHash)];
    prop_oneof![
        2 => Just(PathProbe { path: path.into(), found: Found::Nothing }),
        1 => Just(PathProbe { path: path.into(), found: Found::DanglingLink { target: "/gone".into() } }),
        1 => Just(PathProbe { path: path.into(), found: Found::Unreadable { reason: "denied".to_owned() } }),
        1 => Just(directory(path)),
        4 => (any::<bool>(), likeness, identity).prop_map(move |(executable, likeness, identity)| file(
            path, executable, likeness, identity
        )),
    ]
}

fn any_override() -> impl Strategy<Value = Override> {
    let aim = prop_oneof![Just(Aim::Absolute), Just(Aim::Relative), Just(Aim::Bare)];
    (aim, any_probe("/named")).prop_map(|(aim, probe)| {
        let probe = Some(probe).filter(|probe| aim != Aim::Bare || probe.executable());
        named("~/named", aim, probe)
    })
}

fn any_world() -> impl Strategy<Value = WhichFacts> {
    let django = prop_oneof![
        Just(DjangoAnswer::NoProject),
        Just(DjangoAnswer::Skipped { reason: "asked for".to_owned() }),
        Just(DjangoAnswer::Failed { reason: "broken".to_owned(), stderr: Vec::new(), hint: None }),
        Just(answered(DjangoSetting::Unset)),
        Just(answered(DjangoSetting::Empty)),
        Just(answered(DjangoSetting::WrongType("list".to_owned()))),
    ];
    let environment = prop_oneof![
        Just(EnvironmentValue::Unset),
        Just(EnvironmentValue::Empty),
        any_override().prop_map(EnvironmentValue::Set),
    ];
    let packaged = (any_probe("/documented"), any_probe("/management"))
        .prop_map(|(documented, management)| Packaged { documented, management });
    let on_path = proptest::collection::vec(any_probe("/on-path"), 0..5).prop_map(|probes| {
        // No two directories of PATH contain the same path.
        let distinct = |(index, probe)| PathProbe { path: format!("/path/{index}/reproq").into(), ..probe };
        hits(probes.into_iter().enumerate().map(distinct).collect())
    });
    let setting = proptest::option::of(any_override());
    let rest = (environment, any_probe("/project"), proptest::option::of(packaged), on_path);
    (django, setting, rest).prop_map(|(django, setting, (environment, project, packaged, on_path))| {
        let mut world = WhichFacts { django, environment, project, packaged, on_path, ..world() };
        if let Some(setting) = setting {
            set(&mut world, setting);
        }
        world
    })
}

proptest! {
    #[test]
    fn there_is_one_winner_at_most_and_everyone_else_has_a_reason(world in any_world()) {
        let resolution = decide(&world);
        let winners = resolution.candidates.iter().filter(|candidate| candidate.verdict == Verdict::Winner).count();
        prop_assert_eq!(winners, usize::from(resolution.winner.is_some()));
        prop_assert_eq!(resolution.winner().is_none_or(|winner| winner.verdict == Verdict::Winner), true);
        for (index, candidate) in resolution.candidates.iter().enumerate() {
            let is_shadowed = matches!(candidate.verdict, Verdict::Shadowed { .. });
            prop_assert!(!is_shadowed || resolution.winner.is_some_and(|winner| winner < index));
            prop_assert!(is_shadowed || candidate.verdict == Verdict::Winner || candidate.fault.is_none());
        }
    }

    #[test]
    fn the_result_is_djangos_or_there_is_a_warning(world in any_world()) {
        let resolution = decide(&world);
        let winner = resolution.winner().and_then(|winner| winner.path.clone());
        let is_faulty = resolution.winner().is_some_and(|winner| winner.fault.is_some());
        if resolution.django_takes != winner {
            prop_assert!(!resolution.warnings.is_empty());
        }
        prop_assert_eq!(resolution.runnable().is_some(), resolution.winner.is_some() && !is_faulty);
    }

    #[test]
    fn without_the_winner_what_it_shadows_first_wins(world in any_world()) {
        let before = decide(&world);
        let mut without = world;
        let nothing = |probe: &mut PathProbe| probe.found = Found::Nothing;
        match before.winner().map(|winner| winner.source.clone()) {
            None | Some(CandidateSource::PackageBin) => prop_assert_eq!(before.winner, None),
            Some(CandidateSource::Setting) => {
                without.setting = None;
                without.django = answered(DjangoSetting::Unset);
            }
            Some(CandidateSource::Environment) => without.environment = EnvironmentValue::Unset,
            Some(CandidateSource::Project) => nothing(&mut without.project),
            Some(CandidateSource::PackageManagementBin) => {
                without.packaged.iter_mut().for_each(|packaged| nothing(&mut packaged.management));
            }
            Some(CandidateSource::Path { index, .. }) => without.on_path.retain(|hit| Some(hit.index) != index),
        }
        let after = decide(&without);
        let shadows = before.winner().map(|winner| winner.shadows.clone()).unwrap_or_default();
        match after.winner() {
            None => prop_assert!(shadows.is_empty()),
            // A bare name that is not on PATH wins without a path to show.
            Some(next) if next.path.is_none() => {}
            Some(next) => prop_assert_eq!(next.path.as_ref(), shadows.first()),
        }
    }
}
