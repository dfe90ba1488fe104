Feature: Running again
  An execution that has ended is run again as a new one, which takes over what was done before the failed step.

  Scenario: What was done before the failed step is not done again
    Given the plugin guests is registered
    And a workflow with definition:
      """yaml
      do:
        - first: { call: guests, with: { do: facts }, export: { as: '{ id: .id }' } }
        - bad: { call: guests, with: { do: return-problem, text: '{ "type": "https://example.com/problems/bad", "status": 422 }' } }
      """
    When the workflow is executed
    And the workflow is run again
    Then the workflow should fault with error:
      """yaml
      type: https://example.com/problems/bad
      status: 422
      instance: /do/1/bad
      """
    And first should not be attempted
    And bad should be attempted
    And the execution should be linked to the one before

  Scenario: Recorded outputs flow on as they were
    Given the plugin guests is registered
    And a workflow with definition:
      """yaml
      do:
        - first: { call: guests, with: { do: return-text, text: '{ "n": 7 }' } }
        - bad: { raise: { error: { type: https://example.com/errors/bad, status: 422, title: '${ "Bad \(.n)" }' } } }
      """
    When the workflow is executed
    And the workflow is run again
    Then the workflow should fault with error:
      """yaml
      type: https://example.com/errors/bad
      title: Bad 7
      """
    And first should complete with output:
      """yaml
      n: 7
      """
    And first should not be attempted

  @slow
  Scenario: A wait that was over is not waited for again
    Given a workflow with definition:
      """yaml
      do:
        - pause: { wait: { milliseconds: 4000 } }
        - bad: { raise: { error: { type: https://example.com/errors/bad, status: 422 } } }
      """
    When the workflow is executed
    And the workflow is run again
    Then the workflow should fault
    And the workflow should take at most 3500 ms

  Scenario: Of a map only the items that failed are done again
    Given the plugin guests is registered
    And a workflow with definition:
      """yaml
      do:
        - map:
            metadata: { for: { mode: map, strategy: waitAll } }
            for: { in: '[1, 2, 3]' }
            do:
              - work: { call: guests, with: { do: '${ if $item == 2 then "trap" else "facts" end }' } }
      """
    When the workflow is executed
    And the workflow is run again
    Then the workflow should fault
    And work should be attempted 1 time

  Scenario: From a named task on everything is done again
    Given the plugin guests is registered
    And a workflow with definition:
      """yaml
      do:
        - one: { call: guests, with: { do: facts } }
        - two: { call: guests, with: { do: facts } }
        - three: { call: guests, with: { do: facts } }
      """
    When the workflow is executed
    And the workflow is run again from two
    Then the workflow should complete
    And one should not be attempted
    And two should be attempted
    And three should be attempted
    And the execution should be linked to the one before

  Scenario: A completed execution that is run again takes all of it over
    Given the plugin guests is registered
    And a workflow with definition:
      """yaml
      do:
        - one: { call: guests, with: { do: return-text, text: '"same"' } }
      """
    When the workflow is executed
    And the workflow is run again
    Then the workflow should complete with output:
      """yaml
      same
      """
    And one should not be attempted

  @slow
  Scenario: A cancelled execution is run again from where it was
    Given the plugin guests is registered
    And a workflow with definition:
      """yaml
      do:
        - one: { call: guests, with: { do: facts } }
        - pause: { wait: { milliseconds: 1500 } }
        - two: { call: guests, with: { do: facts } }
      """
    When the workflow is executed
    And the workflow is cancelled while pause runs
    And the workflow is run again
    Then the workflow should complete
    And one should not be attempted
    And two should be attempted
    And the workflow should take at least 1500 ms

  Scenario: An execution that runs is not run again
    Given a workflow with definition:
      """yaml
      do:
        - pause: { wait: { hours: 1 } }
      """
    When the workflow is executed
    Then the workflow cannot be run again from pause
    When the workflow is cancelled
    Then the workflow should be cancelled

  Scenario: An execution is not run again from a task that it never came to
    Given a workflow with definition:
      """yaml
      do:
        - one: { set: { n: 1 }, then: end }
        - two: { set: { n: 2 } }
      """
    When the workflow is executed
    And one has completed
    Then the workflow should complete
    And the workflow cannot be run again from two

  Scenario: An execution begins at a named task, with a context
    Given a workflow with definition:
      """yaml
      do:
        - one: { set: { n: 1 } }
        - two: { set: { input: '${ . }', context: '${ $context }' } }
      """
    When the workflow is executed at two with:
      """yaml
      input: { a: 1 }
      context: { b: 2 }
      """
    Then the workflow should complete with output:
      """yaml
      input: { a: 1 }
      context: { b: 2 }
      """
    And one should not run
    And two should run first

  Scenario: Where no context is given the input is the first one
    Given a workflow with definition:
      """yaml
      do:
        - one: { set: { n: 1 } }
        - two: { set: '${ $context }' }
      """
    When the workflow is executed at two with:
      """yaml
      input: { a: 1 }
      """
    Then the workflow should complete with output:
      """yaml
      a: 1
      """

  Scenario Outline: No execution begins at <what>
    Given a workflow with definition:
      """yaml
      do:
        - outer:
            do:
              - inner: { set: { n: 1 } }
      """
    Then the workflow cannot be executed at <task>

    Examples:
      | what                          | task  |
      | a task that is not there      | two   |
      | a task inside of another task | inner |
