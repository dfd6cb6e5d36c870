//! How progress is shown: needed before the settings file is read, and a matter of the user's terminal, so that no file sets it.

use crate::config::Env;
use crate::config::Provenance;
use crate::config::Setting;
use crate::config::SettingError;
use crate::model::progress::ProgressStyle;

/// The option, else the variable, else the default.
pub(crate) fn progress_style(option: Option<&str>, env: &Env) -> Result<Setting<ProgressStyle>, SettingError> {
    let variable = env.var("REPROQ_PROGRESS");
    let (text, from) = match (option, variable) {
        (Some(text), _) => (text.to_owned(), Provenance::Flag("--progress")),
        (None, Some(text)) => (text, Provenance::Variable("REPROQ_PROGRESS")),
        (None, None) => return Ok(Setting { value: ProgressStyle::default(), from: Provenance::Default }),
    };
    match text.parse() {
        Ok(value) => Ok(Setting { value, from }),
        Err(error) => Err(SettingError { from, reason: format!("{error}") }),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn style(option: Option<&str>, variable: &str) -> Result<(ProgressStyle, String), String> {
        let env = Env::built(Path::new("/"), [("REPROQ_PROGRESS", variable.to_owned())]);
        let setting = progress_style(option, &env).map_err(|error| error.to_string())?;
        Ok((setting.value, setting.from.to_string()))
    }

    #[test]
    fn the_option_takes_precedence_over_the_variable() {
        assert_eq!(style(Some("json"), "none"), Ok((ProgressStyle::Json, "the flag --progress".to_owned())));
        assert_eq!(style(None, "None"), Ok((ProgressStyle::None, "the variable REPROQ_PROGRESS".to_owned())));
        assert_eq!(style(None, ""), Ok((ProgressStyle::Auto, "the default".to_owned())));
        let refused = style(None, "bars").expect_err("not a style");
        assert!(refused.starts_with("the variable REPROQ_PROGRESS is invalid: it must be auto"), "{refused}");
    }
}
