"""The short form: every kind of fault once. Afterwards the evidence is tampered with, to see that the judgement can fail."""

import fire
import judgement
import pytest
import schedule


@pytest.fixture(scope="module")
def burnt():
    seed = fire.chosen_seed()
    faults = schedule.short_form(seed)
    fire.say(f"seed {seed} (MAMEY_CHAOS_SEED={seed} replays it)")
    with fire.site_in_a_folder() as site:
        outcome = fire.run(site, faults, rate=60, seed=seed)
        for name, value in outcome.figures.items():
            fire.say(f"{name}: {value}")
        yield site, outcome
        assert [each.stop() for each in site.instances] == [0, 0, 0], f"an orderly end after all that; seed {seed}, logs in {site.folder}"
        assert not outcome.wrong, f"seed {seed}, logs in {site.folder}"


def test_what_was_committed_was_handled_once_in_order_and_every_instance_recovered_by_itself(burnt):
    site, outcome = burnt
    assert not outcome.wrong
    assert set(outcome.figures["faults"]) == set(schedule.KINDS)


@pytest.mark.parametrize("deed, complaint", [
    ("delete from notes.effects where n = (select min(n) from notes.effects where handler = 'count_note')", "count_note has no effect"),
    ("insert into notes.effects (handler, id) select handler, id from notes.effects where handler = 'file_note' limit 1", "file_note has more than one effect"),
    ("insert into notes.effects (handler, id) values ('recall_note', gen_random_uuid())", "recall_note has effects of commands it should have none of"),
    ("with firsts as (select n, number from accounts.effects where account = 'account-0' order by n limit 2) update accounts.effects e set number = "
     "(select sum(number) from firsts) - e.number where n in (select n from firsts)", "out of order"),
    ("delete from accounts.commands where id = (select id from accounts.commands limit 1)", "acknowledged and are not in the database"),
    ("update notes.mamey_errors set error_code = 'connection_lost'", "holds what was no poison"),
    ("delete from accounts.mamey_errors", "missing"),
])
def test_the_judgement_sees_what_is_wrong(burnt, deed, complaint):
    site, outcome = burnt
    acknowledged = outcome.acknowledged
    tables = ("notes.effects", "notes.commands", "notes.mamey_errors", "accounts.effects", "accounts.commands", "accounts.mamey_errors")
    site.database.rows("".join(f"create table kept_{n} as table {name};" for n, name in enumerate(tables)))
    try:
        site.database.rows(deed)
        assert any(complaint in each for each in judgement.verdict(judgement.gather(site.database), acknowledged))
    finally:
        site.database.rows("".join(f"delete from {name}; insert into {name} overriding system value table kept_{n}; drop table kept_{n};" for n, name in enumerate(tables)))
    assert not judgement.verdict(judgement.gather(site.database), acknowledged) or outcome.wrong
