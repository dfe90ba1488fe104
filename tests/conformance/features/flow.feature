Feature: Flow
  Tasks of a list follow each other as declared, or as their then says.

  Scenario: The output of a task is the input of the next
    Given a workflow with definition:
      """yaml
      do:
        - one: { set: { n: 1 } }
        - two: { set: { n: '${ .n + 1 }' } }
        - three: { set: { n: '${ .n * 10 }' } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      n: 20
      """
    And one should run first
    And two should run before three
    And three should run last

  Scenario: Continue goes on with the next task
    Given a workflow with definition:
      """yaml
      do:
        - one: { set: '${ "one" }', then: continue }
        - two: { set: '${ "two" }', then: continue }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      two
      """

  Scenario: End in the middle ends the workflow with the output of the task that says so
    Given a workflow with definition:
      """yaml
      do:
        - one: { set: '${ "one" }', then: end }
        - two: { set: '${ "two" }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      one
      """
    And two should not run

  Scenario: Exit in the outermost list ends the workflow
    Given a workflow with definition:
      """yaml
      do:
        - one: { set: '${ "one" }', then: exit }
        - two: { set: '${ "two" }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      one
      """

  Scenario: Exit leaves the innermost list only
    Given a workflow with definition:
      """yaml
      do:
        - outer:
            do:
              - middle:
                  do:
                    - one: { set: { n: 1 }, then: exit }
                    - two: { set: { n: 2 } }
              - three: { set: { n: '${ .n + 10 }' } }
        - four: { set: { n: '${ .n + 100 }' } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      n: 111
      """
    And two should not run

  Scenario: End ends the workflow from any depth
    Given a workflow with definition:
      """yaml
      do:
        - outer:
            do:
              - middle:
                  do:
                    - one: { set: '${ "deep" }', then: end }
              - two: { set: '${ "two" }' }
        - three: { set: '${ "three" }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      deep
      """
    And two should not run
    And three should not run

  Scenario: End still transforms the output of the workflow
    Given a workflow with definition:
      """yaml
      output: { as: '{ wrapped: . }' }
      do:
        - one: { set: '${ "one" }', then: end }
        - two: { set: '${ "two" }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      wrapped: one
      """

  Scenario: A jump forward leaves tasks out
    Given a workflow with definition:
      """yaml
      do:
        - one: { set: { n: 1 }, then: three }
        - two: { set: { n: 2 } }
        - three: { set: { n: '${ .n + 10 }' } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      n: 11
      """
    And two should not run

  Scenario: A jump backward runs tasks again
    Given a workflow with definition:
      """yaml
      do:
        - count: { set: { n: '${ (.n // 0) + 1 }' } }
        - again:
            switch:
              - more: { when: .n < 3, then: count }
        - done: { set: { n: '${ .n * 100 }' } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      n: 300
      """
    And count should run 3 times
    And done should run 1 time

  Scenario: A jump works inside of a nested list
    Given a workflow with definition:
      """yaml
      do:
        - outer:
            do:
              - first: { set: { way: [first] }, then: last }
              - middle: { set: { way: '${ .way + ["middle"] }' }, then: exit }
              - last: { set: { way: '${ .way + ["last"] }' }, then: middle }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      way: [first, last, middle]
      """

  Scenario: A composite task may itself say where to go
    Given a workflow with definition:
      """yaml
      do:
        - outer:
            do:
              - inner: { set: '${ "inner" }' }
            then: last
        - skipped: { set: '${ "skipped" }' }
        - last: { set: '${ [., "last"] }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      [inner, last]
      """
    And skipped should not run

  Scenario: A list without tasks passes its input on
    Given a workflow with definition:
      """yaml
      do:
        - outer: { do: [] }
      """
    And given the workflow input is:
      """yaml
      kept: 1
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      kept: 1
      """

  Scenario: A loop without an end is stopped
    Given a workflow with definition:
      """yaml
      do:
        - outer:
            timeout: { after: PT0.5S }
            do:
              - one: { wait: { milliseconds: 20 } }
              - two: { set: '${ "x" }', then: one }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/timeout
      status: 408
      instance: /do/0/outer
      """

  Scenario: A then that names no task is rejected
    Given a workflow with definition:
      """yaml
      do:
        - one: { set: '${ "one" }', then: tow }
        - two: { set: '${ "two" }' }
      """
    Then the workflow definition should be rejected with "unknown-task" at "/do/0/one/then"

  Scenario: A then that names a task outside of its list is rejected
    Given a workflow with definition:
      """yaml
      do:
        - outer:
            do:
              - inner: { set: '${ "inner" }', then: after }
        - after: { set: '${ "after" }' }
      """
    Then the workflow definition should be rejected with "unknown-task" at "/do/0/outer/do/0/inner/then"

  Scenario: A then that names a task inside of another is rejected
    Given a workflow with definition:
      """yaml
      do:
        - one: { set: '${ "one" }', then: inner }
        - outer:
            do:
              - inner: { set: '${ "inner" }' }
      """
    Then the workflow definition should be rejected with "unknown-task" at "/do/0/one/then"

  Scenario: Two tasks of one name in a list are rejected
    Given a workflow with definition:
      """yaml
      do:
        - one: { set: { a: 1 } }
        - one: { set: { a: 2 } }
      """
    Then the workflow definition should be rejected with "ambiguous-name" at "/do/1/one"

  Scenario: A task that says nothing that it does is rejected
    Given a workflow with definition:
      """yaml
      do:
        - one: { then: end }
      """
    Then the workflow definition should be rejected with "missing-property" at "/do/0/one"

  Scenario: A task that does two things is rejected
    Given a workflow with definition:
      """yaml
      do:
        - one: { set: { a: 1 }, wait: PT1S }
      """
    Then the workflow definition should be rejected with "unknown-property" at "/do/0/one/wait"

  Scenario: A branch of a fork can go to no other branch
    Given a workflow with definition:
      """yaml
      do:
        - both:
            fork:
              branches:
                - one: { set: { a: 1 }, then: two }
                - two: { set: { a: 2 } }
      """
    Then the workflow definition should be rejected with "unknown-task" at "/do/0/both/fork/branches/0/one/then"
