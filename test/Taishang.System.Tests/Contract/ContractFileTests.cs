using System.Text.Json.Nodes;
using Taishang.System.Tests.Contract.Schemas;

namespace Taishang.System.Tests.Contract;

/// <summary>The file against itself: what it shows is what it says.</summary>
public sealed class ContractFileTests
{
    /// <summary>Forms of OpenAI's: what is not named goes on to whoever knows it.</summary>
    private static readonly string[] PassesThrough = ["chatThroughRoute", "openAiChat", "openAiEmbeddings"];

    private static readonly ContractFile Contract = ContractFile.Open();

    [Fact]
    public void Every_example_fits_its_schema()
    {
        var validator = new SchemaValidator(Contract.File, strict: true);
        var errors = new List<string>();
        foreach (var operation in Contract.Operations)
        {
            foreach (var (where, media) in Media(operation))
            {
                foreach (var (name, value) in Contract.Examples(media))
                    errors.AddRange(validator.Validate(value, media["schema"]).Select(e => $"{where} {name} {e}"));
            }
        }

        Assert.True(errors.Count == 0, string.Join('\n', errors.Distinct()));
    }

    [Fact]
    public void Every_request_and_answer_has_an_example() =>
        None(from operation in Contract.Operations
             from media in Media(operation)
             where !Contract.Examples(media.Media).Any()
             select media.Where);

    [Fact]
    public void Every_operation_has_its_own_id_and_a_summary_in_both_languages()
    {
        Assert.Equal(
            Contract.Operations.Count, Contract.Operations.Select(operation => operation.Id).Distinct().Count());
        None(from operation in Contract.Operations
             let summary = (string?)operation.Node["summary"] ?? ""
             where !summary.Contains(" · ", StringComparison.Ordinal) || !summary.Any(c => c > 0x3000)
             select $"{operation}: '{summary}'");
    }

    [Fact]
    public void Every_object_of_a_request_refuses_what_it_does_not_name() =>
        None(from operation in Contract.Operations
             where operation.Body is not null
             let schema = Contract.Resolve(operation.Body!["schema"])
             where !PassesThrough.Contains(operation.Id)
             where schema["additionalProperties"] is not JsonValue flag || flag.GetValue<bool>()
             select operation.Id);

    [Fact]
    public void Every_answer_names_the_request_and_every_refusal_for_now_says_when_to_come_back() =>
        None(from operation in Contract.Operations
             from answer in operation.Answers
             let headers = answer.Value["headers"] as JsonObject
             let wanted = answer.Key is 429 or 503 or 504 ? (string[])["X-Request-Id", "Retry-After"] : ["X-Request-Id"]
             from header in wanted
             where operation.Id != "getMetrics" && headers?.ContainsKey(header) != true
             select $"{operation} {answer.Key}: {header}");

    [Fact]
    public void Every_creating_post_takes_an_idempotency_key() =>
        None(from operation in Contract.Operations
             where operation.Answers.ContainsKey(201)
             where operation.Parameters.All(parameter => (string?)parameter["name"] != "Idempotency-Key")
             select operation.Id);

    private static IEnumerable<(string Where, JsonObject Media)> Media(Operation operation)
    {
        if (operation.Body is { } body) yield return ($"{operation} body", body);
        foreach (var (status, answer) in operation.Answers)
        {
            foreach (var (type, media) in answer["content"] as JsonObject ?? [])
                yield return ($"{operation} {status} {type}", media!.AsObject());
        }
    }

    private static void None(IEnumerable<string> broken)
    {
        var found = broken.ToArray();
        Assert.True(found.Length == 0, string.Join('\n', found));
    }
}
