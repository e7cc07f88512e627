//! The answer to one request under one listener's rules, as a value.

use serde::Serialize;

use super::arguments::ExplainedRequest;
use super::assumed::Assumed;
use crate::advice::dry_run;
use crate::advice::edits;
use crate::docker::body::table;
use crate::docker::{ApiVersion, Call, Method, Operation, Target, Unclassified, classify};
use crate::policy::hint::Hints;
use crate::policy::keys::Key;
use crate::policy::refusal::{missing, refusal as refused_need};
use crate::policy::{Denial, Judgement, Permit, Reason, Requirement, Rules};
use crate::policyfile::{Cited, Place, Policy};
use crate::proxy::body::kind::{is_as_none, unwanted};

/// The answer. Its fields are those of `explain --json`, which `docs/explain.md` describes.
#[derive(Debug, Default, Serialize)]
pub(super) struct Answer {
    pub(super) listener: Option<String>,
    pub(super) client: Option<String>,
    pub(super) verdict: &'static str,
    pub(super) reason: &'static str,
    pub(super) message: String,
    pub(super) method: String,
    pub(super) target: String,
    pub(super) operation: Option<&'static str>,
    pub(super) effect: Option<&'static str>,
    pub(super) policy: Option<String>,
    pub(super) decided_by: Option<DecidedBy>,
    pub(super) to_allow: Option<String>,
    pub(super) to_deny: Option<String>,
    pub(super) risk: Option<&'static str>,
    pub(super) findings: Vec<ExplainedFinding>,
    pub(super) filled: Vec<&'static str>,
    pub(super) supposed: Vec<String>,
    pub(super) body: Option<String>,
    /// The words about the entry that denies.
    #[serde(skip)]
    pub(super) denied_by: Option<String>,
    /// The words about each requirement that is not allowed.
    #[serde(skip)]
    pub(super) refused: Vec<String>,
    #[serde(skip)]
    pub(super) section: Option<&'static str>,
}

/// The line that decided.
#[derive(Debug, Serialize)]
pub(super) struct DecidedBy {
    /// The policy, the settings' file, the variable, or `environment`.
    pub(super) file: String,
    /// The line, in a file.
    pub(super) line: Option<usize>,
    /// The entry, or the key of a block.
    pub(super) entry: String,
}

/// Something that the request asks for beyond its operation.
#[derive(Debug, Serialize)]
pub(super) struct ExplainedFinding {
    path: String,
    key: String,
    value: String,
    granted: bool,
}

const ALLOW: &str = "allow";
const DENY: &str = "deny";

/// The risk of a path that the table does not have.
fn unknown_risk(method: Method) -> &'static str {
    if method.is_safe() {
        "Dockgate does not know what this does"
    } else {
        "Dockgate does not know what this does, and does not check its body"
    }
}

impl Answer {
    /// The answer that a listener's rules give.
    pub(super) fn of(rules: &Rules, asked: &ExplainedRequest, api_min: ApiVersion) -> Self {
        let mut answer = Self {
            method: asked.method.clone(),
            target: asked.target.clone(),
            ..Self::default()
        };
        if rules.is_observed {
            let open = "this listener is in observe mode: what is denied here is forwarded until you remove `observe`";
            answer.supposed.push(open.to_owned());
        }
        match understood(asked, api_min) {
            Ok(call) => answer.judge(&rules.enforced(), &call, asked),
            Err(unclassified) => {
                let asked = (&*asked.method, &*asked.target);
                let (denial, absent) = rules.answer_absent(asked, api_min, unclassified.into());
                answer.operation = absent.map(|absent| absent.operation.spec().name);
                answer.deny(denial);
            }
        }
        answer
    }

    /// Whether the request would be forwarded.
    pub(super) fn is_allowed(&self) -> bool {
        self.verdict == ALLOW
    }

    fn judge(&mut self, rules: &Rules, call: &Call, asked: &ExplainedRequest) {
        let operation = call.operation();
        self.target = call.render();
        self.operation = operation.map(|operation| operation.spec().name);
        self.section = operation.map(|operation| operation.spec().section);
        self.effect = Some(call.effect().as_str());
        let risk = operation.map(|operation| operation.spec().risk);
        self.risk = Some(risk.unwrap_or_else(|| unknown_risk(call.method)));
        if rules.may_allow(call) {
            if let Some(refusal) = unwanted(call.body(), &asked.content_types)
                && !is_as_none(&refusal, asked.body.as_bytes())
            {
                self.policy = granting(rules, call).map(|policy| policy.name.to_string());
                return self.deny(refusal);
            }
            self.suppose_of_text(operation, asked);
        }
        let assumed = Assumed {
            rules,
            call,
            was_out_of_scope: asked.is_out_of_scope,
        };
        let judged = dry_run::judge(rules, call.clone(), &asked.body, &assumed.given());
        let (judgement, supposed) = match judged {
            Ok(judged) => judged,
            Err(denial) => return self.deny(denial),
        };
        self.supposed.extend(assumed.lines(&supposed));
        match judgement {
            Judgement::Allow(permit) => {
                // An empty body is not sent.
                let body = permit.request.body.as_deref().map(str::to_owned);
                self.body = body.filter(|_| !asked.body.is_empty());
                self.allow(rules, call, &permit);
            }
            Judgement::Deny(denial) => self.deny_judged(rules, call, denial),
            Judgement::Missing(denial) => self.deny(denial),
            Judgement::Ask(_, lookup) => self.deny(missing(call, &lookup)),
            // The body was given.
            Judgement::Inspect(_) => {
                self.deny(Denial::new(Reason::NotJudged, "the body was not read"));
            }
        }
    }

    /// What the text of the request does not say.
    fn suppose_of_text(&mut self, operation: Option<Operation>, asked: &ExplainedRequest) {
        if !asked.left_out.is_empty() {
            let keys = asked.left_out.join(", ");
            let open = format!(
                "the query has no values for {keys}, because the audit record leaves them out"
            );
            self.supposed.push(open);
        }
        if asked.body.is_empty() && operation.and_then(table).is_some() {
            let nothing = "the body is empty; use --body FILE to give one";
            self.supposed.push(nothing.to_owned());
        }
    }

    fn allow(&mut self, rules: &Rules, call: &Call, permit: &Permit) {
        self.verdict = ALLOW;
        self.reason = Reason::Granted.code();
        self.findings = findings(&permit.grounds.requirements, &[]);
        self.filled = permit.grounds.filled.keys().collect();
        let mut policies = rules.policies().iter();
        let name = permit.grounds.policy.as_ref();
        let Some(policy) = policies.find(|policy| Some(&policy.name) == name) else {
            return;
        };
        self.policy = Some(policy.name.to_string());
        if let Some(cited) = policy.granted_by(call) {
            self.message = format!("by {cited}");
            self.to_deny = Some(edits::to_deny(rules, policy, call, &cited));
            self.decided_by = Some(DecidedBy::of(&cited));
        }
    }

    fn deny(&mut self, denial: Denial) {
        self.verdict = DENY;
        self.reason = denial.reason.code();
        self.message = denial.message;
    }

    fn deny_judged(&mut self, rules: &Rules, call: &Call, denial: Denial) {
        self.to_allow = edits::to_allow(rules, call, &denial);
        let granting = granting(rules, call);
        if denial.reason == Reason::Denied {
            if let Some(written) = rules.deny.written(call).next() {
                let cited = Cited {
                    written,
                    way: Vec::new(),
                };
                self.cite(&cited);
            }
        } else if let Some(policy) = granting {
            self.policy = Some(policy.name.to_string());
        } else if let Some((policy, cited)) = denying(rules, call) {
            self.policy = Some(policy.name.to_string());
            self.cite(&cited);
        }
        if let Some(asked) = &denial.asked {
            self.findings = findings(&asked.requirements, &asked.refused);
            if let Some(policy) = granting {
                let (blocks, entered) = (&policy.blocks, asked.entered.as_ref());
                let hints = Hints { blocks, entered };
                let refused = asked.refused.iter();
                self.refused = refused
                    .map(|requirement| refused_need(requirement, hints))
                    .collect();
            }
            if let Some((key, policy)) = denial.keys().next().zip(granting) {
                let keyed = policy.keyed(key.block(), key.in_block());
                self.denied_by = Some(keyed.to_string());
                self.decided_by = Some(DecidedBy {
                    file: keyed.policy.to_owned(),
                    line: keyed.line,
                    entry: key.name().to_owned(),
                });
            }
        }
        self.deny(denial);
    }

    fn cite(&mut self, cited: &Cited<'_>) {
        self.denied_by = Some(cited.to_string());
        self.decided_by = Some(DecidedBy::of(cited));
    }
}

impl DecidedBy {
    fn of(cited: &Cited<'_>) -> Self {
        let (file, line) = match &cited.written.place {
            Place::Environment => ("environment", None),
            Place::List { file, line, .. } => (&**file, *line),
        };
        Self {
            file: file.to_owned(),
            line,
            entry: cited.written.text.clone(),
        }
    }
}

/// The requested call.
pub(super) fn understood(
    asked: &ExplainedRequest,
    api_min: ApiVersion,
) -> Result<Call, Unclassified> {
    let target = Target::parse(&asked.target)?;
    target.check_version(api_min)?;
    classify(&asked.method, target)
}

/// The policy that is tried first, because it allows the operation.
fn granting<'a>(rules: &'a Rules, call: &Call) -> Option<&'a Policy> {
    rules.policies().iter().find(|policy| policy.grants(call))
}

/// The first policy with the call in its `deny`.
fn denying<'a>(rules: &'a Rules, call: &Call) -> Option<(&'a Policy, Cited<'a>)> {
    let mut policies = rules.policies().iter();
    policies.find_map(|policy| Some((policy, policy.denied_by(call)?)))
}

/// The requirements that a policy can allow, and whether it does.
fn findings(requirements: &[Requirement], refused: &[Requirement]) -> Vec<ExplainedFinding> {
    let found = requirements.iter().filter_map(|requirement| {
        let key = requirement.what.key()?;
        let value = requirement.what.value();
        let value = value.map_or_else(|| "true".to_owned(), Into::into);
        let granted = !refused.iter().any(|it| is_same(it, requirement));
        // The daemon chooses what the request leaves out. It is a requirement only if a policy must list it.
        let is_asked = !granted || !(value.is_empty() || key == Key::Start);
        is_asked.then(|| ExplainedFinding {
            path: requirement.path.clone(),
            key: key.name().to_owned(),
            value,
            granted,
        })
    });
    found.collect()
}

/// Whether this is denied. A volume that does not exist yet is described as new.
fn is_same(denied: &Requirement, told: &Requirement) -> bool {
    let is_new = told.what.text_of(Key::Volume) == Some("@new");
    let is_volume = denied.what.key() == Some(Key::Volume);
    denied == told || (denied.path == told.path && is_new && is_volume)
}
