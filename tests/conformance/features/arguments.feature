Feature: Arguments of expressions
  An argument is there where the specification's table has it, and nowhere else.

  Scenario: The workflow describes itself
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: scenarios, name: described, version: '1.2.3' }
      do:
        - look:
            set:
              name: ${ $workflow.definition.document.name }
              input: ${ $workflow.input }
              hasId: ${ $workflow.id | type == "string" and length > 0 }
              hasStart: ${ $workflow.startedAt.epoch.milliseconds > 1500000000000 }
              seconds: ${ $workflow.startedAt.epoch.seconds == ($workflow.startedAt.epoch.milliseconds / 1000 | floor) }
              iso: ${ $workflow.startedAt.iso8601 | endswith("Z") }
      """
    And given the workflow input is:
      """yaml
      a: 1
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      name: described
      input: { a: 1 }
      hasId: true
      hasStart: true
      seconds: true
      iso: true
      """

  Scenario: A task describes itself
    Given a workflow with definition:
      """yaml
      do:
        - outer:
            do:
              - look:
                  input: { from: .inner }
                  set:
                    name: ${ $task.name }
                    reference: ${ $task.reference }
                    input: ${ $task.input }
                    transformed: ${ $input }
                    definition: ${ $task.definition.set | has("name") }
                    started: ${ $task.startedAt.iso8601 >= $workflow.startedAt.iso8601 }
      """
    And given the workflow input is:
      """yaml
      inner: { a: 1 }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      name: look
      reference: /do/0/outer/do/0/look
      input: { inner: { a: 1 } }
      transformed: { a: 1 }
      definition: true
      started: true
      """

  Scenario: The raw output of a task is there once it has one
    Given a workflow with definition:
      """yaml
      do:
        - one:
            set: { n: 1 }
            output: { as: '{ raw: $task.output, same: (. == $task.output) }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      raw: { n: 1 }
      same: true
      """

  Scenario: The runtime describes itself
    Given a workflow with definition:
      """yaml
      do:
        - look: { set: '${ [$runtime.name, ($runtime.version | type), ($runtime.metadata | type)] }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      [sandmill, string, object]
      """

  Scenario: If and input from see the raw input, the context, and the task
    Given a workflow with definition:
      """yaml
      do:
        - first: { set: { n: 1 }, export: { as: '{ kept: 5 }' } }
        - look:
            if: .n == 1 and $context.kept == 5 and $task.name == "look" and $workflow.input == {} and $runtime.name == "sandmill"
            input: { from: '[.n, $context.kept, $task.reference]' }
            set: '${ . }'
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      [1, 5, /do/1/look]
      """

  Scenario Outline: <argument> is not seen by <where>
    Given a workflow with definition:
      """yaml
      <workflow>
      do:
        - one: { set: { n: 1 }, <task> }
      """
    Then the workflow definition should be rejected with "wrong-expression" at "<pointer>"

    Examples:
      | argument | where                      | workflow                  | task                     | pointer              |
      | $context | input.from of the workflow | input: { from: $context } | then: end                | /input/from          |
      | $input   | input.from of the workflow | input: { from: $input }   | then: end                | /input/from          |
      | $task    | input.from of the workflow | input: { from: $task }    | then: end                | /input/from          |
      | $output  | input.from of the workflow | input: { from: $output }  | then: end                | /input/from          |
      | $input   | output.as of the workflow  | output: { as: $input }    | then: end                | /output/as           |
      | $task    | output.as of the workflow  | output: { as: $task }     | then: end                | /output/as           |
      | $output  | output.as of the workflow  | output: { as: $output }   | then: end                | /output/as           |
      | $input   | if of a task               |                           | if: '$input == 1'        | /do/0/one/if         |
      | $output  | if of a task               |                           | if: '$output == 1'       | /do/0/one/if         |
      | $input   | input.from of a task       |                           | input: { from: $input }  | /do/0/one/input/from |
      | $output  | input.from of a task       |                           | input: { from: $output } | /do/0/one/input/from |
      | $output  | output.as of a task        |                           | output: { as: $output }  | /do/0/one/output/as  |
      | $error   | a task outside of a catch  |                           | output: { as: $error }   | /do/0/one/output/as  |
      | $item    | a task outside of a loop   |                           | output: { as: $item }    | /do/0/one/output/as  |

  Scenario: The definition of a task does not see its output
    Given a workflow with definition:
      """yaml
      do:
        - one: { set: { n: '${ $output }' } }
      """
    Then the workflow definition should be rejected with "wrong-expression" at "/do/0/one/set/n"

  Scenario Outline: <argument> is for later
    Given a workflow with definition:
      """yaml
      do:
        - one: { set: { n: '${ <argument> }' } }
      """
    Then the workflow definition should be rejected with "not-supported" at "/do/0/one/set/n"

    Examples:
      | argument       |
      | $secrets       |
      | $authorization |

  Scenario: The error of a catch is seen by its conditions and its list
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - bad: { raise: { error: { type: https://example.com/errors/bad, status: 422 } } }
            catch:
              as: problem
              when: $problem.status == 422
              do:
                - handle: { set: '${ $problem.status }' }
        - after: { set: '${ $problem }' }
      """
    Then the workflow definition should be rejected with "wrong-expression" at "/do/1/after/set"
