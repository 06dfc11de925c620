using System.Text.Json.Nodes;

namespace Taishang.ContractDiff.OpenApi;

/// <summary>
/// Names what a caller written against the old file would trip over in the new one. Requests may only grow wider,
/// answers only narrower, with one exception on each side: a removed enum value and a removed property are named
/// wherever they stand, because a reader of the file may have relied on them.
/// </summary>
public sealed class OpenApiDiff
{
    private static readonly string[] Methods =
        ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

    private readonly List<BreakingChange> _changes = [];
    private readonly SchemaDiff _schemas;
    private readonly References _old;
    private readonly References _new;

    private OpenApiDiff(JsonObject oldFile, JsonObject newFile)
    {
        _old = new References(oldFile);
        _new = new References(newFile);
        _schemas = new SchemaDiff(_old, _new, _changes);
    }

    public static IReadOnlyList<BreakingChange> Compare(JsonObject oldFile, JsonObject newFile)
    {
        var diff = new OpenApiDiff(oldFile, newFile);
        diff.Paths(oldFile.Child("paths"), newFile.Child("paths"));
        return diff._changes;
    }

    private void Paths(JsonObject oldPaths, JsonObject newPaths)
    {
        // The name of a template is the file's own affair: /models/{id} and /models/{model} are one path.
        var byShape = newPaths.ToDictionary(path => Shape(path.Key), path => path.Value);
        foreach (var (path, oldItem) in oldPaths)
        {
            if (byShape.TryGetValue(Shape(path), out var newItem))
                Operations(path, _old.Resolve(oldItem), _new.Resolve(newItem));
            else
                Add("removed-path", path, "the path is gone");
        }
    }

    private void Operations(string path, JsonObject oldItem, JsonObject newItem)
    {
        foreach (var method in Methods)
        {
            if (oldItem[method] is not JsonObject oldOperation) continue;
            var where = $"{method.ToUpperInvariant()} {path}";
            if (newItem[method] is not JsonObject newOperation)
            {
                Add("removed-operation", where, "the operation is gone");
                continue;
            }

            Parameters(where, Parameters(_old, oldItem, oldOperation), Parameters(_new, newItem, newOperation));
            Body(where, oldOperation["requestBody"], newOperation["requestBody"]);
            Answers(where, oldOperation.Child("responses"), newOperation.Child("responses"));
        }
    }

    private static Dictionary<string, JsonObject> Parameters(References file, JsonObject item, JsonObject operation)
    {
        var found = new Dictionary<string, JsonObject>();
        var index = 0;
        foreach (var node in item.List("parameters").Concat(operation.List("parameters")))
        {
            var parameter = file.Resolve(node);
            var place = (string?)parameter["in"];
            // Path parameters are known by their position, since their names are free.
            var key = place == "path" ? $"path parameter {index++}" : $"{place} parameter {parameter["name"]}";
            found[key] = parameter;
        }

        return found;
    }

    private void Parameters(
        string where, Dictionary<string, JsonObject> oldParameters, Dictionary<string, JsonObject> newParameters)
    {
        foreach (var (name, oldParameter) in oldParameters)
        {
            if (!newParameters.TryGetValue(name, out var newParameter))
            {
                Add("removed-parameter", where, $"{name} is gone, so naming it is refused");
                continue;
            }

            if (!oldParameter.Flag("required") && newParameter.Flag("required"))
                Add("required-parameter", where, $"{name} was optional and is required");
            _schemas.Compare(Direction.Request, $"{where} {name}", oldParameter["schema"], newParameter["schema"]);
        }

        foreach (var (name, parameter) in newParameters)
        {
            if (!oldParameters.ContainsKey(name) && parameter.Flag("required"))
                Add("required-parameter", where, $"{name} is new and required");
        }
    }

    private void Body(string where, JsonNode? oldNode, JsonNode? newNode)
    {
        var newBody = newNode is null ? null : _new.Resolve(newNode);
        if (oldNode is null)
        {
            if (newBody?.Flag("required") == true) Add("required-body", where, "a body is new and required");
            return;
        }

        var oldBody = _old.Resolve(oldNode);
        if (newBody is null)
        {
            Add("removed-body", where, "the request takes no body any more");
            return;
        }

        if (!oldBody.Flag("required") && newBody.Flag("required"))
            Add("required-body", where, "the body was optional and is required");
        Media(Direction.Request, $"{where} body", oldBody, newBody);
    }

    private void Answers(string where, JsonObject oldAnswers, JsonObject newAnswers)
    {
        foreach (var (status, oldNode) in oldAnswers)
        {
            if (newAnswers[status] is not { } newNode)
            {
                Add("removed-answer", where, $"the answer {status} is gone");
                continue;
            }

            var (oldAnswer, newAnswer) = (_old.Resolve(oldNode), _new.Resolve(newNode));
            Headers($"{where} {status}", oldAnswer.Child("headers"), newAnswer.Child("headers"));
            Media(Direction.Answer, $"{where} {status}", oldAnswer, newAnswer);
        }
    }

    private void Headers(string where, JsonObject oldHeaders, JsonObject newHeaders)
    {
        var byName = newHeaders.ToDictionary(h => h.Key, h => h.Value, StringComparer.OrdinalIgnoreCase);
        foreach (var (name, oldNode) in oldHeaders)
        {
            if (!byName.TryGetValue(name, out var newNode))
            {
                Add("removed-header", where, $"the header {name} is gone");
                continue;
            }

            var (oldHeader, newHeader) = (_old.Resolve(oldNode), _new.Resolve(newNode));
            if (oldHeader.Flag("required") && !newHeader.Flag("required"))
                Add("optional-header", where, $"the header {name} was always sent and may be missing");
            _schemas.Compare(Direction.Answer, $"{where} header {name}", oldHeader["schema"], newHeader["schema"]);
        }
    }

    private void Media(Direction direction, string where, JsonObject oldHolder, JsonObject newHolder)
    {
        var newContent = newHolder.Child("content");
        foreach (var (type, oldMedia) in oldHolder.Child("content"))
        {
            if (newContent[type] is JsonObject newMedia)
                _schemas.Compare(direction, where, oldMedia?["schema"], newMedia["schema"]);
            else
                Add("removed-media-type", where, $"{type} is gone");
        }
    }

    private static string Shape(string path) =>
        string.Join('/', path.Split('/').Select(part => part.StartsWith('{') ? "{}" : part));

    private void Add(string rule, string where, string what) => _changes.Add(new BreakingChange(rule, where, what));
}
