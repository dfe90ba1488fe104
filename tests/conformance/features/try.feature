Feature: Try
  A try catches the errors that its filter matches, and no others.

  Scenario: Without an error the output of the list is that of the try
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - good: { set: { n: 1 } }
            catch:
              do:
                - handle: { set: { n: 2 } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      n: 1
      """
    And handle should not run

  Scenario: A caught error without a do gives the input of the try
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - change: { set: { changed: true } }
              - bad: { raise: { error: { type: https://example.com/errors/bad, status: 422, title: Bad } } }
            catch: {}
      """
    And given the workflow input is:
      """yaml
      kept: true
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      kept: true
      """
    And bad should fault
    And guarded should complete

  Scenario: The error is the variable error where nothing else is said
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - bad: { raise: { error: { type: https://example.com/errors/bad, status: 422, title: Bad, detail: very bad } } }
            catch:
              do:
                - handle: { set: '${ $error }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      type: https://example.com/errors/bad
      status: 422
      title: Bad
      detail: very bad
      instance: /do/0/guarded/try/0/bad
      """

  Scenario: The error has the name that as gives it
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - bad: { raise: { error: { type: https://example.com/errors/bad, status: 422, title: Bad } } }
            catch:
              as: problem
              do:
                - handle: { set: '${ $problem.title }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      Bad
      """

  Scenario: The list of the catch has the input of the try
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            input: { from: .inner }
            try:
              - bad: { raise: { error: { type: https://example.com/errors/bad, status: 422, title: Bad } } }
            catch:
              do:
                - handle: { set: '${ .n + 1 }' }
      """
    And given the workflow input is:
      """yaml
      inner: { n: 1 }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      2
      """

  Scenario Outline: The filter <filter> catches the error
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - bad: { raise: { error: { type: https://example.com/errors/bad, status: 422, title: Bad, detail: very } } }
            catch:
              errors: { with: <filter> }
              do:
                - handle: { set: { caught: true } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      caught: true
      """

    Examples:
      | filter                                                            |
      | { type: https://example.com/errors/bad }                          |
      | { status: 422 }                                                   |
      | { title: Bad }                                                    |
      | { detail: very }                                                  |
      | { instance: /do/0/guarded/try/0/bad }                             |
      | { type: https://example.com/errors/bad, status: 422, title: Bad } |

  Scenario Outline: The filter <filter> lets the error pass
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - bad: { raise: { error: { type: https://example.com/errors/bad, status: 422, title: Bad, detail: very } } }
            catch:
              errors: { with: <filter> }
              do:
                - handle: { set: { caught: true } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://example.com/errors/bad
      status: 422
      title: Bad
      instance: /do/0/guarded/try/0/bad
      """
    And guarded should fault
    And handle should not run

    Examples:
      | filter                                                |
      | { type: https://example.com/errors/worse }            |
      | { status: 423 }                                       |
      | { title: Worse }                                      |
      | { detail: a little }                                  |
      | { instance: /do/0/guarded/try/1/bad }                 |
      | { type: https://example.com/errors/bad, status: 423 } |

  Scenario Outline: A standard error is caught by its name behind <prefix>
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - slow: { timeout: { after: PT0.05S }, wait: { hours: 1 } }
            catch:
              errors: { with: { type: <prefix>timeout } }
              do:
                - handle: { set: '${ $error.type }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      https://open-workflow-specification.org/spec/1.0.0/errors/timeout
      """

    Examples:
      | prefix                                                     |
      | https://open-workflow-specification.org/spec/1.0.0/errors/ |
      | https://open-workflow-specification.org/dsl/errors/types/  |
      | https://serverlessworkflow.io/spec/1.0.0/errors/           |
      | https://serverlessworkflow.io/dsl/errors/types/            |

  Scenario Outline: No other prefix stands for a standard error: <type>
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - slow: { timeout: { after: PT0.05S }, wait: { hours: 1 } }
            catch:
              errors: { with: { type: <type> } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/timeout
      status: 408
      """

    Examples:
      | type                                                          |
      | https://example.com/errors/timeout                            |
      | https://open-workflow-specification.org/errors/types/timeout  |
      | https://serverlessworkflow.io/spec/1.0.0/errors/communication |

  Scenario: A raised error of another spelling is caught by ours
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - bad: { raise: { error: { type: https://serverlessworkflow.io/dsl/errors/types/validation, status: 400 } } }
            catch:
              errors: { with: { type: https://open-workflow-specification.org/spec/1.0.0/errors/validation } }
              do:
                - handle: { set: { caught: true } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      caught: true
      """

  Scenario Outline: With <condition> the try should <end>
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - bad: { raise: { error: { type: https://example.com/errors/bad, status: 422, title: Bad } } }
            catch: { <condition> }
      """
    And given the workflow input is:
      """yaml
      limit: 422
      """
    When the workflow is executed
    Then the workflow should <end>

    Examples:
      | condition                          | end      |
      | when: $error.status == 422         | complete |
      | when: $error.status > .limit       | fault    |
      | exceptWhen: $error.status == 422   | fault    |
      | exceptWhen: $error.status > .limit | complete |

  Scenario: When and except when must both allow it
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - bad: { raise: { error: { type: https://example.com/errors/bad, status: 422, title: Bad } } }
            catch: { when: 'true', exceptWhen: 'true' }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://example.com/errors/bad
      status: 422
      """

  Scenario: A condition of the catch that fails is the error that goes on
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - bad: { raise: { error: { type: https://example.com/errors/bad, status: 422, title: Bad } } }
            catch: { when: $error.title + 1 }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/expression
      status: 400
      instance: /do/0/guarded
      """

  Scenario: Then of the catch says where an error leads, and not where success does
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - bad: { raise: { error: { type: https://example.com/errors/bad, status: 422, title: Bad } } }
            catch: { then: rescue }
            then: normal
        - normal: { set: { way: normal }, then: end }
        - rescue: { set: { way: rescue } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      way: rescue
      """

  Scenario: Success follows the then of the try
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - good: { set: { n: 1 } }
            catch: { then: rescue }
            then: normal
        - rescue: { set: { way: rescue }, then: end }
        - normal: { set: { way: normal } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      way: normal
      """

  Scenario: Then of the catch follows after its list
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - bad: { raise: { error: { type: https://example.com/errors/bad, status: 422, title: Bad } } }
            catch:
              do:
                - handle: { set: { handled: true } }
              then: end
        - never: { set: { n: 1 } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      handled: true
      """
    And never should not run

  Scenario: Then of the catch that names no task is rejected
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - good: { set: { n: 1 } }
            catch: { then: nowhere }
      """
    Then the workflow definition should be rejected with "unknown-task" at "/do/0/guarded/catch/then"

  Scenario: The inner try is asked first
    Given a workflow with definition:
      """yaml
      do:
        - outer:
            try:
              - inner:
                  try:
                    - bad: { raise: { error: { type: https://example.com/errors/bad, status: 422, title: Bad } } }
                  catch:
                    do:
                      - handleInside: { set: { by: inner } }
            catch:
              do:
                - handleOutside: { set: { by: outer } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      by: inner
      """

  Scenario: What the inner try does not catch is for the outer
    Given a workflow with definition:
      """yaml
      do:
        - outer:
            try:
              - inner:
                  try:
                    - bad: { raise: { error: { type: https://example.com/errors/bad, status: 422, title: Bad } } }
                  catch: { errors: { with: { status: 500 } } }
            catch:
              do:
                - handle: { set: '${ $error.instance }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      /do/0/outer/try/0/inner/try/0/bad
      """
    And inner should fault
    And outer should complete

  Scenario: An error that the catch raises goes on
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - bad: { raise: { error: { type: https://example.com/errors/bad, status: 422, title: Bad } } }
            catch:
              do:
                - again: { raise: { error: { type: '${ $error.type + "/again" }', status: 500, title: Again } } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://example.com/errors/bad/again
      status: 500
      title: Again
      instance: /do/0/guarded/catch/do/0/again
      """

  Scenario: What was exported before the error is seen by the catch
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - remember: { set: { n: 1 }, export: { as: '{ remembered: true }' } }
              - bad: { raise: { error: { type: https://example.com/errors/bad, status: 422, title: Bad } } }
            catch:
              do:
                - handle: { set: '${ $context }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      remembered: true
      """

  Scenario: An error is caught from any depth
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - list:
                  do:
                    - loop:
                        for: { in: '[1, 2]' }
                        do:
                          - both:
                              fork:
                                branches:
                                  - bad: { if: $item == 2, raise: { error: { type: https://example.com/errors/bad, status: 422, title: Bad } } }
            catch:
              do:
                - handle: { set: '${ $error.instance }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      /do/0/guarded/try/0/list/do/0/loop/do/0/both/fork/branches/0/bad
      """

  Scenario: A try without a catch is rejected
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - good: { set: { n: 1 } }
      """
    Then the workflow definition should be rejected with "missing-property" at "/do/0/guarded"

  Scenario: A filter without a member is rejected
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - good: { set: { n: 1 } }
            catch: { errors: { with: {} } }
      """
    Then the workflow definition should be rejected with "wrong-value" at "/do/0/guarded/catch/errors/with"
