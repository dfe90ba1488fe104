Feature: Fork
  Branches run at the same time, each from the same input and context.

  Scenario: The outputs stand in the declared order, whichever branch ends first
    Given a workflow with definition:
      """yaml
      do:
        - both:
            fork:
              branches:
                - slow: { do: [ { pause: { wait: { milliseconds: 300 } } }, { one: { set: { n: 1 } } } ] }
                - fast: { set: { n: 2 } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      - { n: 1 }
      - { n: 2 }
      """
    And fast should end before slow
    And fast should run while slow runs

  Scenario: Branches overlap in time
    Given a workflow with definition:
      """yaml
      do:
        - both:
            fork:
              branches:
                - one: { wait: { milliseconds: 700 } }
                - two: { wait: { milliseconds: 700 } }
                - three: { wait: { milliseconds: 700 } }
      """
    When the workflow is executed
    Then the workflow should complete
    And one should run while two runs
    And two should run while three runs

  Scenario: Every branch has the fork's transformed input
    Given a workflow with definition:
      """yaml
      do:
        - both:
            input: { from: .inner }
            fork:
              branches:
                - one: { set: '${ .n + 1 }' }
                - two: { set: '${ .n + 2 }' }
      """
    And given the workflow input is:
      """yaml
      inner: { n: 10 }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      [11, 12]
      """

  Scenario: A skipped branch puts out its input
    Given a workflow with definition:
      """yaml
      do:
        - both:
            fork:
              branches:
                - one: { if: 'false', set: { n: 1 } }
                - two: { set: { n: 2 } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      - {}
      - { n: 2 }
      """

  Scenario: The first fault cancels the siblings and faults the fork
    Given a workflow with definition:
      """yaml
      do:
        - both:
            fork:
              branches:
                - slow: { wait: { seconds: 20 } }
                - bad: { raise: { error: { type: https://example.com/errors/bad, status: 422, title: Bad } } }
        - after: { set: { a: 1 } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://example.com/errors/bad
      status: 422
      title: Bad
      instance: /do/0/both/fork/branches/1/bad
      """
    And slow should be cancelled
    And bad should fault
    And both should fault
    And slow should end before both
    And after should not run
    And the workflow should take at most 15000 ms

  Scenario: A fault of a branch is caught around the fork
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - both:
                  fork:
                    branches:
                      - slow: { wait: { seconds: 20 } }
                      - bad: { raise: { error: { type: https://example.com/errors/bad, status: 422, title: Bad } } }
            catch:
              do:
                - handle: { set: '${ $error.instance }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      /do/0/guarded/try/0/both/fork/branches/1/bad
      """
    And slow should be cancelled

  Scenario: A branch sees the context as it was when the fork began, and its own exports only
    Given a workflow with definition:
      """yaml
      do:
        - first: { set: { n: 0 }, export: { as: '{ from: "before" }' } }
        - both:
            fork:
              branches:
                - one:
                    do:
                      - export: { set: { n: 1 }, export: { as: '{ from: "one" }' } }
                      - look: { set: '${ $context.from }' }
                - two:
                    do:
                      - pause: { wait: { milliseconds: 300 } }
                      - look: { set: '${ $context.from }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      [one, before]
      """

  Scenario: After the join the context is that of the last branch that exported, in declared order
    Given a workflow with definition:
      """yaml
      do:
        - both:
            fork:
              branches:
                - late: { do: [ { pause: { wait: { milliseconds: 300 } } }, { one: { set: { n: 1 }, export: { as: '{ from: "late" }' } } } ] }
                - early: { set: { n: 2 }, export: { as: '{ from: "early" }' } }
                - silent: { set: { n: 3 } }
        - after: { set: '${ $context.from }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      early
      """

  Scenario: Without an export the context stays what it was
    Given a workflow with definition:
      """yaml
      do:
        - both:
            fork:
              branches:
                - one: { set: { n: 1 } }
                - two: { set: { n: 2 } }
        - after: { set: '${ $context }' }
      """
    And given the workflow input is:
      """yaml
      was: here
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      was: here
      """

  Scenario: A fork in a fork
    Given a workflow with definition:
      """yaml
      do:
        - outer:
            fork:
              branches:
                - inner: { fork: { branches: [ { a: { set: { n: 1 } } }, { b: { set: { n: 2 } } } ] } }
                - c: { set: { n: 3 } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      [[{ n: 1 }, { n: 2 }], { n: 3 }]
      """

  Scenario: End in a branch cancels the siblings and ends the workflow
    Given a workflow with definition:
      """yaml
      do:
        - both:
            fork:
              branches:
                - slow: { wait: { seconds: 20 } }
                - stop: { set: { stopped: true }, then: end }
        - after: { set: { a: 1 } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      stopped: true
      """
    And slow should be cancelled
    And after should not run

  Scenario: The first success wins a race, and the others are cancelled
    Given a workflow with definition:
      """yaml
      do:
        - race:
            fork:
              compete: true
              branches:
                - slow: { do: [ { pause: { wait: { seconds: 20 } } }, { lose: { set: { winner: slow } } } ] }
                - fast: { do: [ { moment: { wait: { milliseconds: 50 } } }, { win: { set: { winner: fast } } } ] }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      winner: fast
      """
    And pause should be cancelled
    And slow should be cancelled
    And lose should not run
    And the workflow should take at most 15000 ms

  Scenario: A branch that faults does not win
    Given a workflow with definition:
      """yaml
      do:
        - race:
            fork:
              compete: true
              branches:
                - bad: { raise: { error: { type: https://example.com/errors/bad, status: 422, title: Bad } } }
                - good: { do: [ { moment: { wait: { milliseconds: 100 } } }, { win: { set: { winner: good } } } ] }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      winner: good
      """
    And bad should fault

  Scenario: A race faults only when every branch has faulted
    Given a workflow with definition:
      """yaml
      do:
        - race:
            fork:
              compete: true
              branches:
                - late: { do: [ { pause: { wait: { milliseconds: 200 } } }, { bad: { raise: { error: { type: https://example.com/errors/late, status: 422, title: Late } } } } ] }
                - early: { raise: { error: { type: https://example.com/errors/early, status: 422, title: Early } } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://example.com/errors/early
      status: 422
      title: Early
      """
    And the workflow should take at least 200 ms

  Scenario: After a race the context is never that of a loser
    Given a workflow with definition:
      """yaml
      do:
        - race:
            fork:
              compete: true
              branches:
                - winner: { do: [ { moment: { wait: { milliseconds: 300 } } }, { win: { set: { n: 1 } } } ] }
                - loser: { do: [ { export: { set: { n: 2 }, export: { as: '{ from: "loser" }' } } }, { pause: { wait: { seconds: 20 } } } ] }
        - after: { set: '${ $context }' }
      """
    And given the workflow input is:
      """yaml
      from: before
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      from: before
      """

  Scenario: After a race the context is that of the winner
    Given a workflow with definition:
      """yaml
      do:
        - race:
            fork:
              compete: true
              branches:
                - winner: { set: { n: 1 }, export: { as: '{ from: "winner" }' } }
                - loser: { wait: { seconds: 20 } }
        - after: { set: '${ $context.from }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      winner
      """

  Scenario: A cancelled workflow cancels every branch
    Given a workflow with definition:
      """yaml
      do:
        - both:
            fork:
              branches:
                - one: { wait: { hours: 1 } }
                - two: { wait: { hours: 1 } }
      """
    When the workflow is executed
    And the workflow is cancelled while two runs
    Then the workflow should be cancelled
    And one should be cancelled
    And two should be cancelled
    And both should be cancelled
