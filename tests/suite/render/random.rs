//! Random files and worlds, carried out by the real program. The plan alone has properties over many more of them.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use fake_render::Matcher;

use super::world::RenderWorld;

const ROUNDS: u64 = 12;

const KEYS: usize = 30;

#[test]
fn random_worlds_lose_nothing() {
    for seed in 0..ROUNDS {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut file = "services:\n- type: web\n  name: shop\n  envVars:\n".to_owned();
        let mut named = BTreeSet::new();
        let mut set = BTreeMap::new();
        for index in 0..KEYS {
            let key = format!("KEY_{index:02}");
            match random.u8(..8) {
                0 | 1 => {
                    let value = format!("canary-{}", random.u8(..2));
                    file.push_str(&format!("  - {{key: {key}, value: {value}}}\n"));
                    set.insert(key.clone(), value);
                    named.insert(key);
                }
                2 => {
                    file.push_str(&format!("  - {{key: {key}, generateValue: true}}\n"));
                    named.insert(key);
                }
                3 => file.push_str(&format!("  - {{key: {key}, sync: false}}\n")),
                4 => file.push_str(&format!("  - {{key: {key}, fromDatabase: {{name: db, property: host}}}}\n")),
                _ => {}
            }
        }
        let world = RenderWorld::empty(&file);
        world.render.set_page_size(random.usize(1..10));
        let live: Vec<usize> = (0..KEYS).filter(|_| random.bool()).collect();
        for index in live {
            world.render.set(&world.shop, &format!("KEY_{index:02}"), &format!("canary-{}", random.u8(..2)));
        }
        let before: BTreeMap<String, String> = world.render.variables(&world.shop).into_iter().collect();
        if random.bool() {
            // Somebody else writes meanwhile.
            let shop = world.shop.clone();
            let nth = random.u64(1..20);
            world.render.before(Matcher::any().nth(nth), move |render| render.set(&shop, "OTHER", "canary"));
        }
        let output = world.run(&["render", "env", "apply", "--yes"]);
        assert!(matches!(output.code, 0 | 8), "seed {seed}: {output:#?}");
        world.succeed(&["render", "env", "apply", "--yes"]);
        let after: BTreeMap<String, String> = world.render.variables(&world.shop).into_iter().collect();
        for (key, value) in &before {
            if !set.contains_key(key) {
                assert_eq!(after.get(key), Some(value), "seed {seed}, {key}");
            }
        }
        for (key, value) in &set {
            assert_eq!(after.get(key), Some(value), "seed {seed}, {key}");
        }
        let added = after.keys().filter(|key| !before.contains_key(*key) && *key != "OTHER");
        assert!(added.into_iter().all(|key| named.contains(key)), "seed {seed}");
    }
}
