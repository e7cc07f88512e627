//! `explain --redacted`: what a client would see of a reply.

use std::io::{Read, Write};

use super::Places;
use super::answer::understood;
use super::arguments::ExplainedRequest;
use crate::cli::exit::{Exit, Stop};
use crate::docker::ApiVersion;
use crate::policy::Denial;
use crate::policy::redact::reply::{MOST, redact};
use crate::policyfile::Problem;

/// Prints what the first policy that allows the request would leave of the reply in `input`.
pub(super) fn run(
    places: &Places,
    request: &ExplainedRequest,
    api_min: ApiVersion,
    input: &mut dyn Read,
    out: &mut dyn Write,
) -> Result<Exit, Stop> {
    let [(_, rules)] = &**places else {
        let message =
            "--redacted prints one reply: add --policy, --listener or --client to say whose";
        return Err(Stop::usage(message));
    };
    let call = understood(request, api_min);
    let call = call.map_err(|bad| Stop::usage(Denial::from(bad).message))?;
    let mut policies = rules.policies().iter();
    let allows = rules.may_allow(&call);
    let Some(policy) = policies.find(|policy| allows && policy.grants(&call)) else {
        return Err(Stop::usage(rules.denial(&call).message));
    };
    let mut reply = Vec::new();
    let most = u64::try_from(MOST).unwrap_or(u64::MAX).saturating_mul(4);
    let read = input.take(most).read_to_end(&mut reply);
    read.map_err(|error| vec![Problem::of_file("standard input", error.to_string())])?;
    let shown = match &policy.redact {
        Some(redaction) => redact(redaction, &call, &reply).map_err(|_| {
            let message =
                "is not the JSON that the Docker daemon sends, so the client would get 502";
            vec![Problem::of_file("standard input", message)]
        })?,
        None => reply,
    };
    out.write_all(&shown)?;
    Ok(Exit::done_if(true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Rules;
    use crate::policyfile::Grants;
    use crate::policyfile::file::tests::policy;

    fn shown(
        policies: &'static [&'static str],
        target: &str,
        reply: &str,
    ) -> Result<String, String> {
        let rules = |text| Rules::new(vec![policy("p", text)], Grants::default());
        let places = policies.iter().map(|text| (None, rules(text))).collect();
        let request = ExplainedRequest {
            method: "GET".to_owned(),
            target: target.to_owned(),
            ..ExplainedRequest::default()
        };
        let mut out = Vec::new();
        let done = run(
            &places,
            &request,
            ApiVersion::LEAST,
            &mut reply.as_bytes(),
            &mut out,
        );
        done.map(|_| String::from_utf8(out).unwrap())
            .map_err(|stop| format!("{stop:?}"))
    }

    #[test]
    fn a_reply_is_printed_as_the_client_would_see_it() {
        const HIDING: &[&str] = &["allow = ['ContainerInspect']\nredact = ['env']"];
        let reply = r#"{"Config":{"Env":["A=b"],"Cmd":["c"]}}"#;
        assert_eq!(
            shown(HIDING, "/v1.45/containers/x/json", reply).unwrap(),
            r#"{"Config":{"Env":["A=dockgate:redacted"],"Cmd":["c"]}}"#
        );
        assert_eq!(
            shown(
                &["allow = ['ContainerInspect']"],
                "/containers/x/json",
                reply
            )
            .unwrap(),
            reply
        );
        for (policies, target, reply, want) in [
            (HIDING, "/containers/x/json", "A=b", "would get 502"),
            (
                HIDING,
                "/images/x/json",
                reply,
                "ImageInspect is not allowed",
            ),
            (HIDING, "//x", reply, "Usage"),
            (&["", ""][..], "/containers/x/json", reply, "to say whose"),
        ] {
            let said = shown(policies, target, reply).unwrap_err();
            assert!(said.contains(want), "{target}: {said}");
        }
    }
}
