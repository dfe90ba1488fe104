Feature: Retry
  A retry runs the whole list of the try again, each time as a new round.

  Scenario: The list is run again until it succeeds
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - count: { set: { tries: '${ ($context.tries // 0) + 1 }' }, export: { as: . } }
              - flaky: { if: .tries < 3, raise: { error: { type: https://example.com/errors/flaky, status: 503, title: Flaky } } }
            catch: { retry: { limit: { attempt: { count: 5 } } } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      tries: 3
      """
    And count should run 3 times
    And guarded should be retried 2 times
    And guarded should run 1 time

  Scenario: Every round begins with the input of the try
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - look: { set: { seen: '${ . }', tries: '${ ($context.tries // 0) + 1 }' }, export: { as: '{ tries: .tries }' } }
              - flaky: { if: .tries < 3, raise: { error: { type: https://example.com/errors/flaky, status: 503, title: Flaky } } }
            catch: { retry: {} }
            output: { as: .seen }
      """
    And given the workflow input is:
      """yaml
      input: 1
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      input: 1
      """

  Scenario: The count limits the retries: the first round is none
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - flaky: { raise: { error: { type: https://example.com/errors/flaky, status: 503, title: Flaky } } }
            catch: { retry: { limit: { attempt: { count: 2 } } } }
      """
    When the workflow is executed
    Then flaky should run 3 times
    And guarded should be retried 2 times

  Scenario: Once no retry is left the catch handles the error
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - flaky: { raise: { error: { type: https://example.com/errors/flaky, status: 503, title: Flaky } } }
            catch:
              retry: { limit: { attempt: { count: 1 } } }
              do:
                - handle: { set: '${ $error.status }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      503
      """
    And flaky should run 2 times
    And handle should run 1 time

  Scenario: A count of zero retries nothing
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - flaky: { raise: { error: { type: https://example.com/errors/flaky, status: 503, title: Flaky } } }
            catch: { retry: { limit: { attempt: { count: 0 } } } }
      """
    When the workflow is executed
    Then flaky should run 1 time
    And guarded should be retried 0 times

  Scenario: An error that is not caught is not retried
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - flaky: { raise: { error: { type: https://example.com/errors/flaky, status: 503, title: Flaky } } }
            catch:
              errors: { with: { status: 500 } }
              retry: { limit: { attempt: { count: 5 } } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://example.com/errors/flaky
      status: 503
      title: Flaky
      instance: /do/0/guarded/try/0/flaky
      """
    And flaky should run 1 time

  Scenario: A constant backoff waits the same time before each round
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - flaky: { raise: { error: { type: https://example.com/errors/flaky, status: 503, title: Flaky } } }
            catch:
              retry: { delay: { milliseconds: 100 }, backoff: { constant: {} }, limit: { attempt: { count: 3 } } }
      """
    When the workflow is executed
    Then the workflow should complete
    And the pauses between the runs of flaky should be at least 100, 100, 100 ms

  Scenario: Without a backoff the delay is constant
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - flaky: { raise: { error: { type: https://example.com/errors/flaky, status: 503, title: Flaky } } }
            catch:
              retry: { delay: PT0.1S, limit: { attempt: { count: 2 } } }
      """
    When the workflow is executed
    Then the pauses between the runs of flaky should be at least 100, 100 ms

  Scenario: A linear backoff grows by the delay
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - flaky: { raise: { error: { type: https://example.com/errors/flaky, status: 503, title: Flaky } } }
            catch:
              retry: { delay: { milliseconds: 80 }, backoff: { linear: {} }, limit: { attempt: { count: 3 } } }
      """
    When the workflow is executed
    Then the pauses between the runs of flaky should be at least 80, 160, 240 ms

  Scenario: A linear backoff grows by its increment
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - flaky: { raise: { error: { type: https://example.com/errors/flaky, status: 503, title: Flaky } } }
            catch:
              retry: { delay: { milliseconds: 50 }, backoff: { linear: { increment: { milliseconds: 200 } } }, limit: { attempt: { count: 3 } } }
      """
    When the workflow is executed
    Then the pauses between the runs of flaky should be at least 50, 250, 450 ms

  Scenario: An exponential backoff doubles
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - flaky: { raise: { error: { type: https://example.com/errors/flaky, status: 503, title: Flaky } } }
            catch:
              retry: { delay: { milliseconds: 60 }, backoff: { exponential: {} }, limit: { attempt: { count: 4 } } }
      """
    When the workflow is executed
    Then the pauses between the runs of flaky should be at least 60, 120, 240, 480 ms

  Scenario: An exponential backoff has the multiplier that it names
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - flaky: { raise: { error: { type: https://example.com/errors/flaky, status: 503, title: Flaky } } }
            catch:
              retry: { delay: { milliseconds: 30 }, backoff: { exponential: { multiplier: 4 } }, limit: { attempt: { count: 3 } } }
      """
    When the workflow is executed
    Then the pauses between the runs of flaky should be at least 30, 120, 480 ms

  Scenario: An exponential backoff never waits longer than its longest delay
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - flaky: { raise: { error: { type: https://example.com/errors/flaky, status: 503, title: Flaky } } }
            catch:
              retry: { delay: { milliseconds: 50 }, backoff: { exponential: { multiplier: 1000, maxDelay: { milliseconds: 120 } } }, limit: { attempt: { count: 3 } } }
      """
    When the workflow is executed
    Then the pauses between the runs of flaky should be at least 50, 120, 120 ms
    And the pauses between the runs of flaky should be at most 10000, 10000, 10000 ms

  Scenario: Jitter adds to the delay
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - flaky: { raise: { error: { type: https://example.com/errors/flaky, status: 503, title: Flaky } } }
            catch:
              retry:
                delay: { milliseconds: 20 }
                jitter: { from: { milliseconds: 150 }, to: { milliseconds: 250 } }
                limit: { attempt: { count: 2 } }
      """
    When the workflow is executed
    Then the pauses between the runs of flaky should be at least 170, 170 ms
    And the pauses between the runs of flaky should be at most 10000, 10000 ms

  Scenario: The whole duration ends the retries
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - flaky: { raise: { error: { type: https://example.com/errors/flaky, status: 503, title: Flaky } } }
            catch:
              retry: { delay: { milliseconds: 200 }, limit: { duration: { milliseconds: 100 } } }
              do:
                - handle: { set: '${ $error.title }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      Flaky
      """
    And flaky should run 1 time

  Scenario: Within the whole duration rounds follow each other
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - flaky: { raise: { error: { type: https://example.com/errors/flaky, status: 503, title: Flaky } } }
            catch:
              retry: { delay: { milliseconds: 100 }, limit: { duration: { milliseconds: 450 } } }
      """
    When the workflow is executed
    Then the workflow should complete
    And the workflow should take at least 100 ms
    And the workflow should take at most 10000 ms

  Scenario: The duration of an attempt interrupts a round, and the next one begins
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - slow: { wait: { hours: 1 } }
            catch:
              retry: { limit: { attempt: { count: 2, duration: { milliseconds: 100 } } } }
              do:
                - handle: { set: { handled: true } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      handled: true
      """
    And slow should run 3 times
    And slow should be cancelled
    And guarded should be retried 2 times
    And the workflow should take at least 300 ms

  Scenario: A round that takes too long is a timeout of the try
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - slow: { wait: { hours: 1 } }
            catch:
              retry: { limit: { attempt: { count: 0, duration: { milliseconds: 100 } } } }
              do:
                - handle: { set: '${ [$error.type, $error.status] }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      [https://open-workflow-specification.org/spec/1.0.0/errors/timeout, 408]
      """

  Scenario: When decides whether there is another round
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - count: { set: { tries: '${ ($context.tries // 0) + 1 }' }, export: { as: . } }
              - flaky: { raise: { error: { type: https://example.com/errors/flaky, status: 503, title: '${ "Try \(.tries)" }' } } }
            catch:
              retry: { when: '$error.title != "Try 3"' }
              do:
                - handle: { set: '${ $error.title }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      Try 3
      """
    And count should run 3 times

  Scenario: Except when ends the rounds
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - count: { set: { tries: '${ ($context.tries // 0) + 1 }' }, export: { as: . } }
              - flaky: { raise: { error: { type: https://example.com/errors/flaky, status: 503, title: '${ "Try \(.tries)" }' } } }
            catch:
              retry: { exceptWhen: '$error.title == "Try 2"' }
              do:
                - handle: { set: '${ $error.title }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      Try 2
      """

  Scenario: The delay may be an expression
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - flaky: { raise: { error: { type: https://example.com/errors/flaky, status: 503, title: Flaky } } }
            catch:
              retry: { delay: '${ .pause }', limit: { attempt: { count: 1 } } }
      """
    And given the workflow input is:
      """yaml
      pause: { milliseconds: 150 }
      """
    When the workflow is executed
    Then the pauses between the runs of flaky should be at least 150 ms

  Scenario: A policy is used by its name
    Given a workflow with definition:
      """yaml
      use:
        retries:
          twice: { delay: { milliseconds: 50 }, limit: { attempt: { count: 2 } } }
      do:
        - guarded:
            try:
              - flaky: { raise: { error: { type: https://example.com/errors/flaky, status: 503, title: Flaky } } }
            catch: { retry: twice }
      """
    When the workflow is executed
    Then flaky should run 3 times
    And the pauses between the runs of flaky should be at least 50, 50 ms

  Scenario: A policy that is not defined is rejected
    Given a workflow with definition:
      """yaml
      use:
        retries:
          twice: { limit: { attempt: { count: 2 } } }
      do:
        - guarded:
            try:
              - flaky: { set: { n: 1 } }
            catch: { retry: twise }
      """
    Then the workflow definition should be rejected with "unknown-reference" at "/do/0/guarded/catch/retry"

  Scenario: Retries of an inner and an outer try multiply
    Given a workflow with definition:
      """yaml
      do:
        - outer:
            try:
              - inner:
                  try:
                    - flaky: { raise: { error: { type: https://example.com/errors/flaky, status: 503, title: Flaky } } }
                  catch:
                    retry: { limit: { attempt: { count: 1 } } }
                    do:
                      - again: { raise: { error: { type: https://example.com/errors/given-up, status: 500, title: Given up } } }
            catch:
              retry: { limit: { attempt: { count: 2 } } }
              do:
                - handle: { set: '${ $error.title }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      Given up
      """
    And inner should run 3 times
    And flaky should run 6 times

  Scenario: A cancelled workflow waits for no further round
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - flaky: { raise: { error: { type: https://example.com/errors/flaky, status: 503, title: Flaky } } }
            catch: { retry: { delay: { hours: 1 } } }
      """
    When the workflow is executed
    And guarded has retried
    And the workflow is cancelled
    Then the workflow should be cancelled
    And guarded should be cancelled
    And flaky should run 1 time

  Scenario Outline: The policy <policy> is rejected
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - flaky: { set: { n: 1 } }
            catch: { retry: <policy> }
      """
    Then the workflow definition should be rejected

    Examples:
      | policy                                          |
      | { limit: { attempt: { count: -1 } } }           |
      | { delay: soon }                                 |
      | { backoff: { constant: {}, linear: {} } }       |
      | { backoff: { exponential: { multiplier: 0 } } } |
      | { jitter: { from: PT1S } }                      |
      | { jitter: { from: PT2S, to: PT1S } }            |
      | { backoff: { sometimes: {} } }                  |
