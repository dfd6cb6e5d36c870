//! Database URLs: what pgx made of them, recorded; precedence; files; and that no password is ever printed.

use std::collections::BTreeMap;

use proptest::prelude::*;
use reproq_queue::dsn::AttemptTls;
use reproq_queue::dsn::Dsn;
use reproq_queue::dsn::DsnError;
use reproq_queue::dsn::ExecMode;
use reproq_queue::dsn::FileContent;
use reproq_queue::dsn::Note;
use reproq_queue::dsn::SslMode;
use reproq_queue::dsn::Surroundings;
use reproq_queue::pg::ChannelBinding;
use reproq_queue::pg::Encryption;
use reproq_queue::pg::Host;
use reproq_queue::pg::Roots;
use reproq_queue::pg::SessionKind;
use reproq_queue::pg::Target;
use reproq_queue::pg::Verification;

/// Recorded from pgx 5.8.0, as the user root.
const VECTORS: &str = include_str!("vectors/dsn.txt");

const PASSWORD: &str = "hunter2canary";

/// A machine with these variables and files.
#[derive(Default)]
struct Machine {
    variables: BTreeMap<String, String>,
    files: BTreeMap<String, FileContent>,
}

impl Machine {
    fn with(variables: &[(&str, &str)], files: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let file = |(path, text): &(&str, &str)| {
            ((*path).to_owned(), FileContent::Present { bytes: text.as_bytes().to_vec(), is_private: true })
        };
        Self { variables: variables.iter().map(owned).collect(), files: files.iter().map(file).collect() }
    }

    fn read(&self, text: &str) -> Result<Dsn, DsnError> {
        let files = |path: &str| self.files.get(path).cloned().unwrap_or(FileContent::Missing);
        Dsn::read(
            text,
            &Surroundings {
                variables: &self.variables,
                system_user: Some("root"),
                home: Some("/root"),
                socket_directory: Some("/var/run/postgresql"),
                files: &files,
            },
        )
    }

    fn target(&self, text: &str) -> Target {
        self.read(text).unwrap_or_else(|error| panic!("{text}: {error}")).target("reproq-cli")
    }
}

/// In the form of the recording.
fn described(dsn: &Dsn) -> String {
    let worker = dsn.worker();
    let tls = |tls: Option<&AttemptTls>| match tls {
        None => "none".to_owned(),
        Some(tls) => format!(
            "tls(skipverify={},sn={:?},roots={})",
            tls.skips_verification,
            tls.server_name.as_deref().unwrap_or_default(),
            tls.has_roots
        ),
    };
    let first = worker.attempts.first().expect("an attempt");
    let parameters: Vec<String> = worker.parameters.iter().map(|(name, value)| format!("{name}:{value}")).collect();
    let mode = match worker.exec_mode {
        ExecMode::CacheStatement => "cache statement",
        ExecMode::CacheDescribe => "cache describe",
        ExecMode::DescribeExec => "describe exec",
        ExecMode::Exec => "exec",
        ExecMode::SimpleProtocol => "simple protocol",
    };
    format!(
        "user={:?} db={:?} host={:?} port={} pw={:?} tls={} fallbacks={} rt=map[{}] mode={mode}",
        worker.user,
        worker.database,
        first.host,
        first.port,
        worker.password.as_ref().map_or("", |password| password.expose()),
        tls(first.tls.as_ref()),
        worker.attempts.len() - 1,
        parameters.join(" "),
    )
}

#[test]
fn urls_are_read_as_pgx_reads_them() {
    let machine = Machine::default();
    let lines: Vec<&str> = VECTORS.lines().collect();
    for pair in lines.chunks(2) {
        let [case, recorded] = pair else { panic!("two lines each") };
        let (verdict, text) = case.split_at(5);
        match machine.read(text) {
            Ok(dsn) => {
                assert_eq!(verdict.trim(), "ok", "{text}");
                assert_eq!(described(&dsn), recorded.trim(), "{text}");
            }
            Err(error) => assert_eq!(verdict.trim(), "FAIL", "{text}: {error}"),
        }
    }
    assert_eq!(lines.len() / 2, 29);
}

#[test]
fn the_url_comes_before_the_service_and_the_service_before_the_environment() {
    let machine = Machine::with(
        &[
            ("PGHOST", "env"),
            ("PGUSER", "env"),
            ("PGDATABASE", "env"),
            ("PGPORT", ""),
            ("PGSERVICE", "prod"),
            ("PGTZ", "UTC"),
        ],
        &[(
            "/root/.pg_service.conf",
            "# comment\n[other]\nhost=other\n[prod]\nhost = service\nuser=service\nsslmode=disable\n",
        )],
    );
    let target = machine.target("postgres://url@/?application_name=x");
    assert_eq!(target.hosts, [Host::Tcp { name: "service".to_owned(), address: None, port: 5432, password: None }]);
    assert_eq!((target.user.as_str(), target.database.as_str()), ("url", "env"));
    assert_eq!((target.encryption, target.application_name.as_str()), (Encryption::Disabled, "x"));
    assert_eq!(target.options.as_deref(), Some("-c timezone=UTC"));
    assert_eq!(machine.read("service=nope").expect_err("unknown"), DsnError::NoService);
    let broken = Machine::with(&[], &[("/s", "host=a\n")]);
    let error = broken.read("service=a servicefile=/s").expect_err("broken").to_string();
    assert_eq!(error, "the file of `servicefile` has a mistake in line 1: it is not in a section");
    // Without anything, the server's socket, and the database of the user.
    let nothing = Machine::default().target("");
    let directory = "/var/run/postgresql".into();
    assert_eq!(nothing.hosts, [Host::Unix { directory, port: 5432, password: None }]);
    assert_eq!((nothing.user.as_str(), nothing.database.as_str()), ("root", "root"));
}

#[test]
fn passwords_come_from_a_file_that_only_its_owner_reads() {
    let text = "h1:5432:*:u:one\nh2:*:*:u:two\nlocalhost:*:*:u:socket\n";
    let mut machine = Machine::with(&[], &[("/root/.pgpass", text), ("/other", "*:*:*:*:other")]);
    let passwords = |machine: &Machine, text: &str| -> Vec<Option<String>> {
        let hosts = machine.target(text).hosts;
        let password = |host: &Host| match host {
            Host::Tcp { password, .. } | Host::Unix { password, .. } => {
                password.as_ref().map(|it| it.expose().to_owned())
            }
        };
        hosts.iter().map(password).collect()
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(passwords(&machine, "postgres://u@h1,h2,h3/db"), [some("one"), some("two"), None]);
    assert_eq!(passwords(&machine, "postgres://u@/db"), [some("socket")]);
    assert_eq!(passwords(&machine, "postgres://u:own@h1/db"), [some("own")]);
    assert_eq!(passwords(&machine, "postgres://u@h1/db?passfile=/other"), [some("other")]);
    machine.variables.insert("PGPASSWORD".to_owned(), "env".to_owned());
    assert_eq!(passwords(&machine, "postgres://u@h1/db"), [some("env")]);
    machine.variables.clear();
    let bytes = text.as_bytes().to_vec();
    machine.files.insert("/root/.pgpass".to_owned(), FileContent::Present { bytes, is_private: false });
    assert_eq!(passwords(&machine, "postgres://u@h1/db"), [None]);
    let dsn = machine.read("postgres://u@h1/db").expect("readable");
    assert!(dsn.notes().contains(&Note::PasswordFileNotPrivate));
}

#[test]
fn every_sslmode_has_its_verification() {
    const PEM: &str = "-----BEGIN CERTIFICATE-----\n";
    let machine =
        Machine::with(&[], &[("/ca", PEM), ("/crt", PEM), ("/key", "-----BEGIN PRIVATE KEY-----\n"), ("/no", "x")]);
    let encryption = |query: &str| machine.target(&format!("postgres://u@h/db?{query}")).encryption;
    let required = |verification, direct| Encryption::Required { verification, client: None, direct };
    let file = || Roots::File("/ca".into());
    let cases = [
        ("sslmode=disable", Encryption::Disabled),
        ("sslmode=disable&sslcert=/crt", Encryption::Disabled),
        ("sslmode=allow", Encryption::Preferred),
        ("", Encryption::Preferred),
        ("sslmode=require", required(Verification::Nothing, false)),
        ("sslmode=require&sslrootcert=/ca", required(Verification::Authority(file()), false)),
        ("sslmode=verify-ca", required(Verification::Authority(Roots::System), false)),
        ("sslmode=verify-full&sslrootcert=/ca", required(Verification::Full(file()), false)),
        ("sslmode=disable&sslrootcert=system", required(Verification::Full(Roots::System), false)),
        ("sslnegotiation=direct", required(Verification::Nothing, true)),
    ];
    for (query, expected) in cases {
        assert_eq!(encryption(query), expected, "{query}");
    }
    let client = encryption("sslmode=require&sslcert=/crt&sslkey=/key");
    assert!(
        matches!(&client, Encryption::Required { client: Some(client), .. } if client.key.ends_with("key")),
        "{client:?}"
    );
    for query in ["sslmode=on", "sslcert=/crt", "sslkey=/key", "sslrootcert=/no", "sslcert=/crt&sslkey=/no", "ssl=true"]
    {
        assert!(machine.read(&format!("postgres://u@h/db?{query}")).is_err(), "{query}");
    }
    // Files of the user's home directory are used if they exist.
    let home = Machine::with(&[], &[("/root/.postgresql/root.crt", PEM)]);
    let target = home.target("postgres://u@h/db?sslmode=require");
    assert_eq!(
        target.encryption,
        required(Verification::Authority(Roots::File("/root/.postgresql/root.crt".into())), false)
    );
    let notes = |text: &str| machine.read(text).expect("readable").notes().to_vec();
    assert_eq!(notes("postgres://u@h/db?sslmode=require"), [Note::NotVerified]);
    assert_eq!(notes("postgres://u@127.0.0.1/db?sslmode=require"), []);
    assert_eq!(notes("postgres://u@h/db?sslmode=allow"), [Note::AllowIsPrefer, Note::MayBePlain]);
    assert_eq!(machine.read("postgres://u@h/db").expect("readable").tls().mode, SslMode::Prefer);
}

#[test]
fn the_other_settings_reach_the_connection() {
    let machine = Machine::with(&[("PGCHANNELBINDING", "disable"), ("PGHOSTADDR", "10.0.0.1")], &[]);
    let text = "postgres://u@a:1,b:2/db?channel_binding=require&target_session_attrs=prefer-standby&connect_timeout=7\
                &options=-c%20a%3D1&search_path=x%20y&pgbouncer=true&hostaddr=10.0.0.2,&pool_max_conns=5";
    let target = machine.target(text);
    assert_eq!((target.channel_binding, target.session), (ChannelBinding::Required, SessionKind::PreferStandby));
    assert_eq!((target.connect_timeout.as_secs(), target.options.as_deref()), (7, Some("-c a=1 -c search_path=x\\ y")));
    let hosts: Vec<String> = target.hosts.iter().map(Host::to_string).collect();
    assert_eq!(hosts, ["a:1", "b:2"]);
    assert!(matches!(target.hosts[0], Host::Tcp { address: Some(_), .. }));
    let dsn = machine.read(text).expect("readable");
    assert_eq!(dsn.worker_only().iter().collect::<Vec<_>>(), [("pool_max_conns", "5")]);
    let refused: Vec<&Note> = dsn.notes().iter().filter(|note| matches!(note, Note::RefusedFromTheWorker(_))).collect();
    assert_eq!(refused.len(), 3, "{refused:?}");
    let from_environment = machine.target("postgres://u@h/db?connect_timeout=0");
    assert_eq!(from_environment.channel_binding, ChannelBinding::Disabled);
    assert!(from_environment.connect_timeout.as_secs() > 3600);
    let invalid = [
        "channel_binding=on",
        "target_session_attrs=any%20",
        "connect_timeout=-1",
        "connect_timeout=5s",
        "default_query_exec_mode=x",
        "statement_cache_capacity=many",
        "hostaddr=h",
        "port=0",
        "port=65536",
        "port=%2B5",
    ];
    for query in invalid {
        assert!(machine.read(&format!("postgres://u@h/db?{query}")).is_err(), "{query}");
    }
}

/// Every place of a password in a text that is broken in many ways: no error and no form of output has it.
#[test]
fn no_password_is_printed() {
    let machine = Machine::with(
        &[("PGPASSWORD", PASSWORD), ("PGSSLPASSWORD", PASSWORD)],
        &[("/root/.pgpass", &format!("*:*:*:*:{PASSWORD}")), ("/service", &format!("[s]\npassword={PASSWORD}\n"))],
    );
    let texts = [
        format!("postgres://u:{PASSWORD}@h/db"),
        format!("postgres://u:{PASSWORD}@h:x/db"),
        format!("postgres://u:{PASSWORD}#x@h/db"),
        format!("postgres://u:x/{PASSWORD}@h/db"),
        format!("postgres://u:x?{PASSWORD}@h/db"),
        format!("postgres://u:{PASSWORD}%zz@h/db"),
        format!("postgres://u:{PASSWORD}\u{e9}@h/db"),
        format!("postgres://u:{PASSWORD} @h/db"),
        format!("postgres://{PASSWORD}"),
        format!("postgres://u@h/db?password={PASSWORD}"),
        format!("postgres://u@h/db?pasword={PASSWORD}"),
        format!("postgres://u@h/db?sslmode={PASSWORD}"),
        format!("postgres://u@h/db?sslpassword={PASSWORD}"),
        format!("postgres://u:[{PASSWORD}@h/db"),
        format!("postgis://u:{PASSWORD}@h/db"),
        format!("host=h password='{PASSWORD}"),
        format!("host=h password={PASSWORD}"),
        format!("host=h password={PASSWORD}\\"),
        format!("host=h {PASSWORD}"),
        format!("{PASSWORD}=x host=h port=p"),
        format!("port={PASSWORD}"),
        format!("connect_timeout={PASSWORD}"),
        "service=s servicefile=/service".to_owned(),
        String::new(),
    ];
    for text in texts {
        let printed = match machine.read(&text) {
            Ok(dsn) => {
                // The text after `postgres://` is a host where nothing says that it is a password.
                if text == format!("postgres://{PASSWORD}") || text.starts_with(PASSWORD) {
                    continue;
                }
                let notes: Vec<String> = dsn.notes().iter().map(Note::to_string).collect();
                format!("{dsn} {dsn:?} {:?} {notes:?} {}", dsn.worker(), dsn.target("x"))
            }
            Err(error) => format!("{error} {error:?} {}", error.hint()),
        };
        assert!(!printed.contains(PASSWORD), "{text}: {printed}");
    }
}

proptest! {
    #[test]
    fn nothing_that_is_read_panics(text in "(postgres(ql)?://)?[a-z0-9:@/?&=%,#\\[\\]'\\\\ .+\u{e9}-]{0,40}") {
        let _ = Machine::default().read(&text);
    }

    #[test]
    fn a_percent_encoded_account_is_read_back(user in "\\PC{1,9}", password in "\\PC{1,12}") {
        let encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
        let dsn = Machine::default().read(&format!("postgres://{}:{}@h/db", encoded(&user), encoded(&password)));
        let worker = dsn.expect("readable").worker();
        prop_assert_eq!(&worker.user, &user);
        let read = worker.password.expect("a password");
        prop_assert_eq!(read.expose(), password);
    }
}
