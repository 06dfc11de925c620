using System.Text;
using System.Text.Json;
using Microsoft.ML.Tokenizers;
using Taishang.Ai.Models;

namespace Taishang.Ai.Inference;

/// <summary>
/// Finds and reads a model's tokenizer: a SentencePiece model, a WordPiece vocabulary, or a tokenizer.json whose model
/// is WordPiece. Configuration names another file by "tokenizer", and says by "lower_case", "first_id", "last_id",
/// "padding_id", "unknown_id" and "id_offset" what the files do not tell.
/// </summary>
internal static class TokenizerFiles
{
    private const int MaxTokenizerBytes = 256 << 20;
    private const int MaxId = 1 << 24;
    private static readonly string[] SentencePieceNames =
        ["spm.model", "sentencepiece.bpe.model", "tokenizer.model", "spiece.model"];
    private static readonly string[] OtherNames = ["vocab.txt", "tokenizer.json"];

    /// <summary>Reads the tokenizer of a model.</summary>
    /// <exception cref="ModelException">FileMissing if there is none, LoadFailed if it can not be read.</exception>
    public static TextTokenizer Load(ModelFolder folder, ModelConfig config)
    {
        string path = Find(folder, config);
        if (new FileInfo(path).Length > MaxTokenizerBytes)
            throw new ModelException(ModelErrorKind.LoadFailed, $"tokenizer: more than {MaxTokenizerBytes} bytes.");
        try
        {
            return Path.GetExtension(path) switch
            {
                ".txt" => WordPiece(File.ReadAllBytes(path), config.Flag("lower_case") ?? true, config),
                ".json" => FromJson(path, config),
                _ => SentencePiece(path, config),
            };
        }
        catch (Exception failure) when (failure is not ModelException)
        {
            throw new ModelException(ModelErrorKind.LoadFailed,
                $"tokenizer: '{Path.GetFileName(path)}' can not be read: {failure.Message}", failure);
        }
    }

    /// <summary>True if the model's folder holds a tokenizer, or its configuration names one.</summary>
    public static bool IsPresent(ModelFolder folder, ModelConfig config) =>
        config.Text("tokenizer", "").Length > 0
        || SentencePieceNames.Concat(OtherNames).Any(name => folder.Find(config.ModelName, name) is not null);

    private static string Find(ModelFolder folder, ModelConfig config)
    {
        string named = config.Text("tokenizer", "");
        if (named.Length > 0) return folder.Require(config.ModelName, named);
        foreach (string name in SentencePieceNames.Concat(OtherNames))
        {
            if (folder.Find(config.ModelName, name) is { } path) return path;
        }
        throw new ModelException(ModelErrorKind.FileMissing,
            $"model: '{config.ModelName}' has no tokenizer; one of "
            + $"{string.Join(", ", SentencePieceNames.Concat(OtherNames))} is expected.");
    }

    private static TextTokenizer SentencePiece(string path, ModelConfig config)
    {
        using FileStream file = File.OpenRead(path);
        SentencePieceTokenizer tokenizer = SentencePieceTokenizer.Create(file, false, false);
        var ids = new TokenIds(
            config.Number("first_id", 0, MaxId), config.Number("last_id", 0, MaxId),
            config.Number("padding_id", 0, MaxId) ?? 0, config.Number("id_offset", -16, 16) ?? 0,
            config.Number("unknown_id", 0, MaxId));
        return new TextTokenizer(tokenizer, ids, foldLetters: false);
    }

    private static TextTokenizer WordPiece(byte[] vocabulary, bool lowerCase, ModelConfig config)
    {
        using var stream = new MemoryStream(vocabulary);
        BertTokenizer tokenizer = BertTokenizer.Create(stream, new BertOptions
        {
            LowerCaseBeforeTokenization = lowerCase,
            IndividuallyTokenizeCjk = true,
        });
        var ids = new TokenIds(
            config.Number("first_id", 0, MaxId) ?? tokenizer.ClassificationTokenId,
            config.Number("last_id", 0, MaxId) ?? tokenizer.SeparatorTokenId,
            config.Number("padding_id", 0, MaxId) ?? tokenizer.PaddingTokenId);
        // Lower-case vocabularies hold no accented letters, and the runtime strips none under invariant globalization.
        return new TextTokenizer(tokenizer, ids, foldLetters: lowerCase);
    }

    private static TextTokenizer FromJson(string path, ModelConfig config)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
        JsonElement model = document.RootElement.GetProperty("model");
        string type = model.TryGetProperty("type", out JsonElement named) ? named.GetString() ?? "" : "";
        if (type != "WordPiece")
        {
            throw new ModelException(ModelErrorKind.LoadFailed,
                $"tokenizer: tokenizer.json of type '{type}' is not supported; WordPiece is, and for the others "
                + "the SentencePiece model that they were made from.");
        }
        string[] words = new string[model.GetProperty("vocab").EnumerateObject().Count()];
        foreach (JsonProperty entry in model.GetProperty("vocab").EnumerateObject())
            words[entry.Value.GetInt32()] = entry.Name;
        bool lowerCase = document.RootElement.TryGetProperty("normalizer", out JsonElement normalizer)
            && normalizer.ValueKind == JsonValueKind.Object
            && normalizer.TryGetProperty("lowercase", out JsonElement lower) && lower.ValueKind == JsonValueKind.True;
        return WordPiece(
            Encoding.UTF8.GetBytes(string.Join('\n', words)), config.Flag("lower_case") ?? lowerCase, config);
    }
}
