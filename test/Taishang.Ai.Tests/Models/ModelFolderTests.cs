using Taishang.Ai.Models;
using Taishang.Ai.Tests.Inference;

namespace Taishang.Ai.Tests.Models;

public sealed class ModelFolderTests
{
    [Theory]
    [InlineData("../outside")]
    [InlineData("a/../../outside")]
    [InlineData("/etc")]
    [InlineData("..")]
    [InlineData(".")]
    [InlineData("a//b")]
    [InlineData("a\\b")]
    [InlineData("a\0b")]
    [InlineData("C:model")]
    public async Task A_name_that_leads_out_of_the_folder_is_refused(string name)
    {
        using var world = new ModelsWorld();
        ModelException refusal = await world.FailsAsync(name);
        Assert.Equal(ModelErrorKind.PathEscape, refusal.Kind);
    }

    [Theory]
    [InlineData("""{"model":"../outside"}""")]
    [InlineData("""{"file":"../../outside/model.onnx"}""")]
    [InlineData("""{"file":"/etc/passwd"}""")]
    [InlineData("""{"tokenizer":"../../outside/vocab.txt"}""")]
    public async Task A_configuration_that_leads_out_of_the_folder_is_refused(string config)
    {
        using var world = new ModelsWorld();
        world.AddModel("tokens", ModelsWorld.TokenModel());
        Assert.Equal(ModelErrorKind.PathEscape, (await world.FailsAsync("tokens", config)).Kind);
    }

    [Fact]
    public async Task Links_that_lead_out_are_refused_at_every_part_of_the_path()
    {
        using var world = new ModelsWorld();
        using var outside = new ModelsWorld();
        outside.AddModel("secret", ModelsWorld.TokenModel());
        string secret = Path.Combine(outside.Folder, "secret");
        Directory.CreateSymbolicLink(Path.Combine(world.Folder, "folder"), secret);
        world.AddModel("file", ModelsWorld.TokenModel());
        File.Delete(Path.Combine(world.Folder, "file", "model.onnx"));
        File.CreateSymbolicLink(Path.Combine(world.Folder, "file", "model.onnx"), Path.Combine(secret, "model.onnx"));
        // A link to a link, by relative steps.
        Directory.CreateSymbolicLink(
            Path.Combine(world.Folder, "twice"), Path.Combine("..", Path.GetFileName(world.Folder), "folder"));

        foreach (string name in (string[])["folder", "file", "twice"])
            Assert.Equal(ModelErrorKind.PathEscape, (await world.FailsAsync(name)).Kind);
    }

    [Fact]
    public async Task A_loop_of_links_is_refused()
    {
        using var world = new ModelsWorld();
        Directory.CreateSymbolicLink(Path.Combine(world.Folder, "a"), Path.Combine(world.Folder, "b"));
        Directory.CreateSymbolicLink(Path.Combine(world.Folder, "b"), Path.Combine(world.Folder, "a"));
        Assert.Equal(ModelErrorKind.PathEscape, (await world.FailsAsync("a")).Kind);
    }

    [Fact]
    public async Task Links_inside_the_folder_and_a_folder_that_is_a_link_itself_are_fine()
    {
        using var real = new ModelsWorld();
        real.AddModel("tokens", ModelsWorld.TokenModel());
        Directory.CreateSymbolicLink(Path.Combine(real.Folder, "alias"), Path.Combine(real.Folder, "tokens"));
        string link = real.Folder + "-link";
        Directory.CreateSymbolicLink(link, real.Folder);
        try
        {
            using var world = new ModelsWorld(options => options.ModelsFolder = link);
            Assert.Equal(1, (await world.EmbedAsync("alias", "", "red")).Count);
            Assert.Equal(1, (await world.EmbedAsync("tokens", "", "red")).Count);
        }
        finally
        {
            Directory.Delete(link);
        }
    }

    [Fact]
    public async Task What_is_missing_is_named()
    {
        using var world = new ModelsWorld();
        ModelException noModel = await world.FailsAsync("absent");
        Assert.Equal(ModelErrorKind.FileMissing, noModel.Kind);
        Assert.Contains("absent/model.onnx", noModel.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(world.Folder, noModel.Message, StringComparison.Ordinal);

        world.AddModel("mute", ModelsWorld.TokenModel(), vocabulary: false);
        ModelException noTokenizer = await world.FailsAsync("mute");
        Assert.Equal(ModelErrorKind.FileMissing, noTokenizer.Kind);
        Assert.Contains("tokenizer", noTokenizer.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_no_model_or_too_large_can_not_be_loaded()
    {
        using var world = new ModelsWorld(options => options.MaxModelBytes = 1_000);
        world.AddModel("garbage", ModelsWorld.TokenModel());
        File.WriteAllBytes(Path.Combine(world.Folder, "garbage", "model.onnx"), [1, 2, 3, 4]);
        ModelException refusal = await world.FailsAsync("garbage");
        Assert.Equal(ModelErrorKind.LoadFailed, refusal.Kind);
        Assert.DoesNotContain(world.Folder, refusal.Message, StringComparison.Ordinal);

        File.WriteAllBytes(Path.Combine(world.Folder, "garbage", "model.onnx"), new byte[1_001]);
        Assert.Contains("1001 bytes", (await world.FailsAsync("garbage")).Message, StringComparison.Ordinal);
    }
}
