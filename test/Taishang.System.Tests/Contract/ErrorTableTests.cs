using System.Globalization;
using System.Text.Json.Nodes;
using Grpc.Core;
using Taishang.ContractDiff.Protos;
using Taishang.Core.Api;

namespace Taishang.System.Tests.Contract;

/// <summary>One error table in four places: the code, the document, the contract, the numbers of workers.</summary>
public sealed class ErrorTableTests
{
    /// <summary>
    /// What no operation of the file answers: paths and methods outside of it, and a caller who has gone.
    /// </summary>
    private static readonly ErrorCode[] OutsideOfOperations =
        [ErrorCodes.RouteNotFound, ErrorCodes.MethodNotAllowed, ErrorCodes.Cancelled];

    /// <summary>What becomes of a task, told by its error_msg and never by an answer.</summary>
    private static readonly ErrorCode[] OfTasksAlone =
    [
        ErrorCodes.TaskTimedOut, ErrorCodes.TaskWorkerLost, ErrorCodes.TaskExecutorLost, ErrorCodes.SnapshotCorrupt,
        ErrorCodes.SnapshotLimit,
    ];

    private static readonly ContractFile Contract = ContractFile.Open();

    [Fact]
    public void The_document_holds_every_code_as_it_is()
    {
        var expected = ErrorCodes.ByNumber.Values.OrderBy(code => code.Number).Select(Row).ToArray();
        Assert.Equal(expected, DocumentRows().Select(row => string.Join(" | ", row.Take(6))));
    }

    [Fact]
    public void The_document_explains_every_code_in_both_languages() =>
        Assert.All(DocumentRows(), row =>
        {
            Assert.Equal(7, row.Length);
            Assert.Contains(row[6], c => c > 0x3000);
        });

    [Fact]
    public void Numbers_of_workers_are_numbers_of_the_table()
    {
        var proto = ProtoFolder.Read(Path.Combine(Contract.Root, "proto")).Enums["taishang.ai.v1.ErrorCode"];
        var numbers = proto.Values.Keys.Where(number => number != 0).ToArray();
        Assert.NotEmpty(numbers);
        Assert.Empty(numbers.Except(ErrorCodes.ByNumber.Keys));
    }

    [Fact]
    public void Every_code_in_the_contract_stands_under_its_own_status() =>
        Assert.All(ContractCodes(), found =>
        {
            Assert.True(ErrorCodes.ByNumber.TryGetValue(found.Number, out var code), $"{found} is not in the table");
            Assert.Equal((found.Where, code.HttpStatus), (found.Where, found.Status));
        });

    [Fact]
    public void Every_code_of_the_table_is_in_the_contract() =>
        Assert.Empty(ErrorCodes.ByNumber.Values.Except(OutsideOfOperations).Except(OfTasksAlone)
            .Select(code => code.Number).Except(ContractCodes().Select(found => found.Number)));

    private static string Row(ErrorCode code) => string.Join(
        " | ", code.Number.ToString(CultureInfo.InvariantCulture), code.Name, code.HttpStatus, Grpc(code.GrpcStatus),
        code.Retriable ? "yes" : "no", code.Message);

    /// <summary>As gRPC itself writes it: DEADLINE_EXCEEDED.</summary>
    private static string Grpc(StatusCode status) => string.Concat(status.ToString().Select(
        (c, i) => i > 0 && char.IsUpper(c) ? "_" + c : char.ToUpperInvariant(c).ToString()));

    private static List<string[]> DocumentRows() =>
    [
        .. from line in File.ReadLines(Path.Combine(Contract.Root, "docs/interfaces/taishang-api-spec.md"))
           where line.StartsWith("| ", StringComparison.Ordinal) && line.Length > 7 && char.IsAsciiDigit(line[2])
           let cells = line.Trim('|', ' ').Split('|').Select(cell => cell.Trim()).ToArray()
           where cells[0].Length == 5
           select cells,
    ];

    private static IEnumerable<(string Where, int Status, int Number)> ContractCodes() =>
        from operation in Contract.Operations
        from answer in operation.Answers
        where answer.Key >= 400
        let schema = answer.Value["content"]!["application/json"]!["schema"]!
        from part in schema["allOf"] as JsonArray ?? new JsonArray(schema.DeepClone())
        from code in part!["properties"]?["code"]?["enum"] as JsonArray ?? []
        select ($"{operation} {answer.Key}", answer.Key, (int)code!);
}
