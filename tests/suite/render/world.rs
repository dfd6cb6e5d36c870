//! A Render with one service and a project with a blueprint for it. Every value contains `canary`, so that one that is shown
//! is found.

use std::collections::BTreeMap;
use std::fs;

use fake_render::FakeRender;

use crate::support::Context;
use crate::support::Output;
use crate::support::redact;

/// The API key. A key that is shown is found too.
pub const API_KEY: &str = "rnd_canary_key";

/// All six kinds of entries, in a project's environment.
const BLUEPRINT: &str = "\
previews:
  generation: automatic
databases:
  - name: db
projects:
  - name: shop
    environments:
      - name: production
        services:
          - type: web
            name: shop
            runtime: python
            envVars:
              - {key: ADDED, value: canary-added}
              - {key: CHANGED, value: canary-new}
              - {key: SAME, value: canary-same}
              - {key: WEB_CONCURRENCY, value: 4}
              - {key: SECRET_KEY, generateValue: true}
              - {key: OTHER_SECRET, generateValue: true}
              - {key: STRIPE_KEY, sync: false}
              - {key: SENTRY_DSN, sync: false}
              - key: DATABASE_URL
                fromDatabase: {name: db, property: connectionString}
              - key: CACHE_URL
                fromService: {type: keyvalue, name: cache, property: connectionString}
              - fromGroup: shared
          - {type: keyvalue, name: cache, ipAllowList: []}
        envVarGroups:
          - name: shared
            envVars:
              - {key: LOG_LEVEL, value: canary-info}
              - {key: SENTRY_DSN, value: canary-dsn}
";

/// What the plan sets, in order; `SECRET_KEY` is generated.
const PLANNED: [(&str, Option<&str>); 5] = [
    ("LOG_LEVEL", Some("canary-info")),
    ("ADDED", Some("canary-added")),
    ("CHANGED", Some("canary-new")),
    ("SECRET_KEY", None),
    ("WEB_CONCURRENCY", Some("4")),
];

pub struct RenderWorld {
    pub context: Context,
    pub render: FakeRender,
    pub shop: String,
    pub shared: String,
}

impl RenderWorld {
    /// The service has 45 variables.
    pub fn new() -> Self {
        let world = Self::empty(BLUEPRINT);
        for (key, value) in [
            ("CHANGED", "canary-old"),
            ("SAME", "canary-same"),
            ("OTHER_SECRET", "canary-generated"),
            ("DATABASE_URL", "postgres://user:canary-password@host/db"),
            ("CACHE_URL", "redis://canary"),
            ("PYTHON_VERSION", "canary-3"),
        ] {
            world.render.set(&world.shop, key, value);
        }
        for index in 0..39 {
            world.render.set(&world.shop, &format!("KEY_{index:02}"), &format!("canary-{index}"));
        }
        world.render.set(&world.shared, "SENTRY_DSN", "canary-dsn");
        world.render.set(&world.shared, "UNMANAGED", "canary-shared");
        world
    }

    /// A service and a group without variables.
    pub fn empty(blueprint: &str) -> Self {
        let mut context = Context::new();
        fs::write(context.project().join("render.yaml"), blueprint).expect("written");
        let render = FakeRender::start();
        render.set_token(API_KEY);
        let shop = render.add_service("shop", "web_service");
        let shared = render.add_group("shared", &[&shop]);
        context.set("RENDER_API_KEY", API_KEY).set("RENDER_API_URL", render.api_url());
        Self { context, render, shop, shared }
    }

    /// Runs and checks that no value is shown.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let output = self.context.run(arguments);
        for shown in [&output.stdout, &output.stderr] {
            assert!(!shown.contains("canary"), "a value is shown: {output:#?}");
        }
        output
    }

    pub fn succeed(&self, arguments: &[&str]) -> Output {
        let output = self.run(arguments);
        assert_eq!(output.code, 0, "{output:#?}");
        output
    }

    /// As `Context::shown`.
    pub fn shown(&self, arguments: &[&str]) -> String {
        let shown = self.redacted(&self.context.shown(arguments));
        assert!(!shown.contains("canary"), "a value is shown: {shown}");
        shown
    }

    /// As [`RenderWorld::shown`], for what must not run twice.
    pub fn shown_once(&self, arguments: &[&str]) -> String {
        self.redacted(&self.context.redact(&self.run(arguments)))
    }

    pub fn redacted(&self, text: &str) -> String {
        redact::redact(text, &self.context).replace(&self.render.api_url(), "[RENDER]")
    }

    /// All variables of service and group.
    pub fn variables(&self) -> BTreeMap<String, String> {
        let group =
            self.render.variables(&self.shared).into_iter().map(|(key, value)| (format!("shared/{key}"), value));
        self.render.variables(&self.shop).into_iter().chain(group).collect()
    }

    /// The variables that the plan does not name.
    pub fn unplanned(&self) -> BTreeMap<String, String> {
        let mut variables = self.variables();
        variables.retain(|key, _| !PLANNED.iter().any(|(planned, _)| key.trim_start_matches("shared/") == *planned));
        variables
    }

    /// The keys that the plan names, one a line.
    pub fn planned_keys(&self) -> String {
        PLANNED.iter().map(|(key, _)| format!("{key}\n")).collect()
    }

    /// The plan is carried out.
    pub fn assert_done(&self) {
        let variables = self.variables();
        for (key, value) in PLANNED {
            let key = if key == "LOG_LEVEL" { "shared/LOG_LEVEL" } else { key };
            let now = variables.get(key).unwrap_or_else(|| panic!("{key} is missing"));
            match value {
                Some(value) => assert_eq!(now, value, "{key}"),
                None => assert!(now.starts_with("generated-"), "{key}"),
            }
        }
    }
}
